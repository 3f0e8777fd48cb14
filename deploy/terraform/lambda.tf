# run_on = "lambda": examples/deploy/lambda.yaml.

# Read when the module is applied: the string is then in Terraform's state, and whoever may call lambda:GetFunctionConfiguration
# reads it. A key that was changed needs another apply.
data "aws_secretsmanager_secret_version" "otlp_headers" {
  count = var.otlp_headers_secret == null ? 0 : local.on_lambda

  secret_id = var.otlp_headers_secret.arn
}

resource "aws_lambda_function" "function" {
  count = local.on_lambda

  function_name    = var.name
  description      = "Exports the ECS tasks whose events are in the queue"
  filename         = var.lambda_zip
  source_code_hash = var.lambda_zip == null ? null : filebase64sha256(var.lambda_zip)
  # The program that starts is the file `bootstrap` of the zip, whatever handler says.
  runtime       = "provided.al2023"
  handler       = "bootstrap"
  architectures = [var.architecture]
  memory_size   = 256
  # A receiver that does not answer is tried until shortly before this is over: then the event comes back. The logs of ten tasks
  # need their time, too.
  timeout = 120
  role    = aws_iam_role.function[0].arn

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.log.name
  }

  # A function in a VPC has no public address. The queue is polled from outside the VPC, by Lambda itself.
  dynamic "vpc_config" {
    for_each = local.in_vpc ? [1] : []

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  environment {
    # Also known: ECSPAN_CLUSTER, ECSPAN_FAMILY, ECSPAN_LOG_LINES, ECSPAN_SERVICE_NAME; `ecspan lambda --help`.
    variables = merge(
      local.environment,
      {
        ECSPAN_TO        = local.to
        ECSPAN_LOGS      = var.logs
        ECSPAN_LOGS_RATE = tostring(var.logs_rate)
        # What delay_seconds has waited counts.
        ECSPAN_LOGS_SETTLE = "60s"
        ECSPAN_CONTAINERS  = var.containers
        ECSPAN_DEPLOYMENTS = var.deployments ? "on" : "off"
      },
      { for one in data.aws_secretsmanager_secret_version.otlp_headers : "OTEL_EXPORTER_OTLP_HEADERS" => one.secret_string },
    )
  }

  lifecycle {
    precondition {
      condition     = var.lambda_zip != null
      error_message = "lambda_zip is needed with run_on = \"lambda\"."
    }
  }

  # It may write its log, and receive, before it is called.
  depends_on = [aws_iam_role_policy.function]
}

resource "aws_lambda_event_source_mapping" "tasks" {
  count = local.on_lambda

  event_source_arn = aws_sqs_queue.queue.arn
  function_name    = aws_lambda_function.function[0].arn
  batch_size       = 10
  # A task that could not be delivered comes back alone, not with the nine others.
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }
}

resource "aws_iam_role" "function" {
  count = local.on_lambda

  name = "${var.name}-function-${local.region}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  count = local.on_lambda

  name = "ecspan"
  role = aws_iam_role.function[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # Lambda's poller uses them, not ecspan.
          Sid      = "TheQueue"
          Effect   = "Allow"
          Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          Resource = aws_sqs_queue.queue.arn
        },
        local.writes_its_log,
      ],
      local.exports,
      [
        for one in [{
          Sid    = "ItsNetworkInterfaces" # Lambda makes them as this role; these cannot be narrowed to a VPC's own
          Effect = "Allow"
          Action = [
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
          ]
          Resource = "*"
        }] : one if local.in_vpc
      ],
    )
  })
}
