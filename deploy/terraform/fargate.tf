# run_on = "fargate": examples/deploy/workers.yaml.

locals {
  # Of tasks of this account and region only.
  assumed_by_tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${local.region}:${local.account}:*" }
      }
    }]
  })
}

# What ecspan itself may do.
resource "aws_iam_role" "task" {
  count = local.on_fargate

  name               = "${var.name}-task-${local.region}"
  assume_role_policy = local.assumed_by_tasks
}

resource "aws_iam_role_policy" "task" {
  count = local.on_fargate

  name = "ecspan"
  role = aws_iam_role.task[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "TheQueue"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
        Resource = aws_sqs_queue.queue.arn
      }],
      local.exports,
    )
  })
}

# What ECS does before ecspan starts: get the image and the secret, write its log.
resource "aws_iam_role" "execution" {
  count = local.on_fargate

  name               = "${var.name}-execution-${local.region}"
  assume_role_policy = local.assumed_by_tasks
}

resource "aws_iam_role_policy" "execution" {
  count = local.on_fargate

  name = "start"
  role = aws_iam_role.execution[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "TheRegistry" # takes no resource
          Effect   = "Allow"
          Action   = "ecr:GetAuthorizationToken"
          Resource = "*"
        },
        {
          Sid      = "TheImage" # narrow it to the image's repository
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = "arn:${local.partition}:ecr:${local.region}:${local.account}:repository/*"
        },
        local.writes_its_log,
      ],
      [
        for secret in [var.otlp_headers_secret] : {
          Sid      = "TheHeaders"
          Effect   = "Allow"
          Action   = "secretsmanager:GetSecretValue"
          Resource = secret.arn
        } if secret != null
      ],
    )
  })
}

resource "aws_ecs_task_definition" "worker" {
  count = local.on_fargate

  family                   = "${var.name}-worker"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "256"
  memory                   = "512"
  task_role_arn            = aws_iam_role.task[0].arn
  execution_role_arn       = aws_iam_role.execution[0].arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.architecture)
  }

  container_definitions = jsonencode([{
    name  = "ecspan"
    image = var.image
    command = [
      "worker",
      "--queue", aws_sqs_queue.queue.url,
      "--to", local.to,
      "--logs", var.logs,
      "--logs-rate", tostring(var.logs_rate),
      "--containers", var.containers,
      "--deployments", var.deployments ? "on" : "off",
    ]
    # A worker keeps no state and writes no file.
    readonlyRootFilesystem = true
    # Told to stop, a worker finishes what is in hand within 20 s and gives back the rest.
    stopTimeout = 30
    environment = [for name, value in local.environment : { name = name, value = value }]
    # Got by ECS when a task starts: it is in no state and no task definition. A new key needs new tasks
    # (aws ecs update-service --force-new-deployment).
    secrets = [for secret in [var.otlp_headers_secret] : { name = "OTEL_EXPORTER_OTLP_HEADERS", valueFrom = secret.arn } if secret != null]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.log.name
        awslogs-region        = local.region
        awslogs-stream-prefix = "worker"
      }
    }
  }])

  lifecycle {
    precondition {
      condition     = var.image != null
      error_message = "image is needed with run_on = \"fargate\"."
    }
  }
}

resource "aws_ecs_service" "workers" {
  count = local.on_fargate

  name            = "${var.name}-workers"
  cluster         = var.cluster
  task_definition = aws_ecs_task_definition.worker[0].arn
  launch_type     = "FARGATE"
  # At first; later an apply leaves it as the scaling set it.
  desired_count                      = 1
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  propagate_tags                     = "SERVICE"

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = var.security_group_ids
    assign_public_ip = var.assign_public_ip
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  # Without these a first task cannot start, and the circuit breaker ends the service's first deployment.
  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task]

  lifecycle {
    ignore_changes = [desired_count]

    precondition {
      condition     = var.cluster != null && length(var.subnet_ids) > 0 && length(var.security_group_ids) > 0
      error_message = "cluster, subnet_ids and security_group_ids are needed with run_on = \"fargate\"."
    }
  }
}

resource "aws_appautoscaling_target" "workers" {
  count = local.on_fargate

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster}/${aws_ecs_service.workers[0].name}"
  min_capacity       = 1
  max_capacity       = var.maximum_workers
}

# In steps: the depth of a queue does not fall in proportion to the workers, as target tracking wants it of a metric.
resource "aws_appautoscaling_policy" "more" {
  count = local.on_fargate

  name               = "${var.name}-more"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.workers[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.workers[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.workers[0].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = 120
    metric_aggregation_type = "Maximum"

    # Above the alarm's 200 messages.
    step_adjustment {
      metric_interval_lower_bound = 0
      metric_interval_upper_bound = 800
      scaling_adjustment          = 1
    }
    step_adjustment {
      metric_interval_lower_bound = 800
      scaling_adjustment          = 3
    }
  }
}

resource "aws_appautoscaling_policy" "fewer" {
  count = local.on_fargate

  name               = "${var.name}-fewer"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.workers[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.workers[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.workers[0].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = 300
    metric_aggregation_type = "Maximum"

    step_adjustment {
      metric_interval_upper_bound = 0
      scaling_adjustment          = -1
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "many_messages" {
  count = local.on_fargate

  alarm_name          = "${var.name}-many-messages"
  alarm_description   = "ecspan - starts a worker; no reason to worry"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.queue.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 2
  threshold           = 200
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching" # SQS reports nothing of a queue that is not used
  alarm_actions       = [aws_appautoscaling_policy.more[0].arn]
}

resource "aws_cloudwatch_metric_alarm" "few_messages" {
  count = local.on_fargate

  alarm_name          = "${var.name}-few-messages"
  alarm_description   = "ecspan - stops a worker when there is more than one; no reason to worry"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.queue.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 10
  threshold           = 20
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_appautoscaling_policy.fewer[0].arn]
}
