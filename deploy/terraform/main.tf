# Every task, always: EventBridge -> SQS -> ecspan, as a Lambda function or as workers on Fargate. The same in substance as
# examples/deploy/lambda.yaml and workers.yaml, which a test holds it to; docs/iam.md says what each permission is for.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region
  account   = data.aws_caller_identity.current.account_id

  on_lambda  = var.run_on == "lambda" ? 1 : 0
  on_fargate = var.run_on == "fargate" ? 1 : 0
  in_vpc     = length(var.subnet_ids) > 0
  to         = join(",", sort(var.to))
  alarms     = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]

  # What both are told by variables; one that is null is not there.
  environment = {
    for name, value in {
      OTEL_EXPORTER_OTLP_ENDPOINT = var.otlp_endpoint
      ECSPAN_SERVICE              = length(var.services) > 0 ? join(",", var.services) : null
      ECSPAN_ONLY_FAILED          = var.only_failed ? "true" : null
      ECSPAN_SLOWER_THAN          = var.slower_than
      ECSPAN_NOTIFY               = var.notify_topic_arn == null ? null : "sns:${var.notify_topic_arn}"
    } : name => value if value != null
  }

  # What ecspan itself may do, beside its queue.
  reads_logs = [
    {
      Sid      = "WhereTheLogsAre" # takes no resource
      Effect   = "Allow"
      Action   = "ecs:DescribeTaskDefinition"
      Resource = "*"
    },
    {
      Sid      = "TheLogsOfTasks"
      Effect   = "Allow"
      Action   = "logs:GetLogEvents"
      Resource = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${var.log_groups}:log-stream:*"
    },
  ]
  reads_deployments = [
    {
      Sid    = "DeploymentsAndTheirTasks"
      Effect = "Allow"
      Action = [
        "ecs:DescribeServiceDeployments",
        "ecs:DescribeServiceRevisions",
        "ecs:DescribeServices",
        "ecs:DescribeTasks",
        "ecs:ListServiceDeployments",
        "ecs:ListTasks",
      ]
      Resource = "*"
    },
    {
      Sid      = "WhatEcsDid" # where a cluster has an action log
      Effect   = "Allow"
      Action   = "logs:FilterLogEvents"
      Resource = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/vendedlogs/ecs/action-logs/*"
    },
  ]
  sends_to_xray = [
    {
      Sid      = "TracesToXRay" # X-Ray's take no resource; why two is in docs/iam.md
      Effect   = "Allow"
      Action   = ["xray:PutTraceSegments", "xray:PutSpans"]
      Resource = "*"
    },
  ]
  exports = concat(
    [for one in local.reads_logs : one if var.logs != "none"],
    [for one in local.reads_deployments : one if var.deployments],
    [for topic in [var.notify_topic_arn] : {
      Sid      = "Notifications"
      Effect   = "Allow"
      Action   = "sns:Publish"
      Resource = topic
    } if topic != null],
    [for one in local.sends_to_xray : one if contains(var.to, "xray")],
  )
  writes_its_log = {
    Sid      = "ItsOwnLog"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${aws_cloudwatch_log_group.log.name}:log-stream:*"
  }
}

resource "aws_cloudwatch_event_rule" "task_events" {
  name        = var.name
  description = "ECS tasks that run or have stopped, and deployments that are over, for ecspan"

  event_pattern = jsonencode({
    source = ["aws.ecs"]
    "$or" = concat(
      [{
        detail-type = ["ECS Task State Change"]
        detail = merge(
          # With RUNNING the launch is final, with STOPPED everything; nothing is between.
          { lastStatus = ["RUNNING", "STOPPED"] },
          var.only_cluster == null ? {} : { clusterArn = ["arn:${local.partition}:ecs:${local.region}:${local.account}:cluster/${var.only_cluster}"] },
        )
      }],
      [for deployments in ["ECS Deployment State Change"] : merge(
        {
          detail-type = [deployments]
          detail      = { eventName = ["SERVICE_DEPLOYMENT_COMPLETED", "SERVICE_DEPLOYMENT_FAILED"] }
        },
        # It names its service, and not the cluster.
        var.only_cluster == null ? {} : { resources = [{ prefix = "arn:${local.partition}:ecs:${local.region}:${local.account}:service/${var.only_cluster}/" }] },
      ) if var.deployments],
    )
  })

  lifecycle {
    precondition {
      condition     = var.otlp_endpoint != null || !contains(var.to, "otlp")
      error_message = "otlp_endpoint is needed unless to is [\"xray\"]."
    }
  }
}

resource "aws_cloudwatch_event_target" "queue" {
  rule      = aws_cloudwatch_event_rule.task_events.name
  target_id = "queue"
  arn       = aws_sqs_queue.queue.arn

  # An event that EventBridge cannot put into the queue (it tries for a day) is kept as well.
  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

resource "aws_sqs_queue" "queue" {
  name = var.name

  # Log lines arrive late: after a minute those of a task that stopped are there.
  delay_seconds = 60
  # Lambda: six times the function's timeout, as it asks for. Workers hide what they have in hand for 60 s at a time, whatever
  # stands here.
  visibility_timeout_seconds = var.run_on == "lambda" ? 720 : 60
  # So that whoever finds nothing asks three times a minute; workers ask for 10 s themselves, so as to end sooner.
  receive_wait_time_seconds = var.run_on == "lambda" ? null : 20
  message_retention_seconds = 345600 # 4 days; less than the dead letters', which count from the first sending on
  # With SQS's own key: EventBridge may write to it, which it could not with the AWS managed KMS key.
  sqs_managed_sse_enabled = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    # Lambda: ten times twelve minutes, so a receiver that is down for less than two hours costs nothing. Workers: for messages
    # that nobody can read.
    maxReceiveCount = 10
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 1209600 # 14 days, the most
  sqs_managed_sse_enabled   = true
}

# Nobody else is given anything. There is no Deny for others: a redrive sends as whoever starts it, by IAM.
resource "aws_sqs_queue_policy" "queue" {
  for_each = { queue = aws_sqs_queue.queue, dead_letters = aws_sqs_queue.dead_letters }

  queue_url = each.value.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTheRuleSends"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = each.value.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.task_events.arn } }
    }]
  })
}

resource "aws_cloudwatch_log_group" "log" {
  name              = var.name
  retention_in_days = 30
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "ecspan - events of tasks that could not be exported; docs/deploy.md says how to send them again"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching" # SQS reports nothing of a queue that is not used
  alarm_actions       = local.alarms
}

resource "aws_cloudwatch_metric_alarm" "late" {
  alarm_name          = "${var.name}-late"
  alarm_description   = "ecspan - tasks wait for half an hour; the receiver${var.run_on == "lambda" ? "" : " or all workers"} may be down"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.queue.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1800
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarms
}
