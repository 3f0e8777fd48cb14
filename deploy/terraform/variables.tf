variable "name" {
  description = "What the names of the resources begin with; two of this module in one account and region need two names"
  type        = string
  default     = "ecspan"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,31}$", var.name))
    error_message = "name is a letter and at most 31 letters, digits and dashes."
  }
}

variable "run_on" {
  description = "What works on the events: lambda (nothing runs between tasks) or fargate (workers, which run always)"
  type        = string
  default     = "lambda"

  validation {
    condition     = contains(["lambda", "fargate"], var.run_on)
    error_message = "run_on is lambda or fargate."
  }
}

# Which tasks, what of them, and where to.

variable "only_cluster" {
  description = "Name of the one cluster whose tasks are exported; null - all clusters of the account and region"
  type        = string
  default     = null
}

variable "services" {
  description = "Names of the services whose tasks are exported; empty - all tasks"
  type        = list(string)
  default     = []
}

variable "only_failed" {
  description = "Only tasks that failed"
  type        = bool
  default     = false
}

variable "slower_than" {
  description = "Only tasks whose launch took at least so long (30s, 2m); null - all tasks"
  type        = string
  default     = null

  validation {
    condition     = var.slower_than == null || can(regex("^\\d+(ms|s|m|h|d)$", var.slower_than))
    error_message = "slower_than is a number with ms, s, m, h or d: 30s."
  }
}

variable "notify_topic_arn" {
  description = "SNS topic that is told of tasks and deployments that failed; null - nobody is"
  type        = string
  default     = null
}

variable "deployments" {
  description = "The trace of each deployment as well, once it is over"
  type        = bool
  default     = true
}

variable "to" {
  description = "Where traces go: otlp, xray, or both"
  type        = list(string)
  default     = ["otlp"]

  validation {
    condition     = length(var.to) > 0 && length(setsubtract(var.to, ["otlp", "xray"])) == 0
    error_message = "to has otlp, xray, or both."
  }
}

variable "otlp_endpoint" {
  description = "URL of the OTLP receiver; gRPC is spoken on port 4317, HTTP elsewhere. Needed unless all goes to X-Ray"
  type        = string
  default     = null
}

variable "otlp_headers_secret" {
  description = "A Secrets Manager secret whose string is sent as headers (api-key=...), by its ARN; null - none. With lambda the string becomes part of Terraform's state and of the function's configuration; with fargate ECS gets it when a task starts"
  # An object, for the ARN of a secret that is made in the same configuration is not known when this is planned.
  type    = object({ arn = string })
  default = null
}

variable "logs" {
  description = "Whose log lines are read from CloudWatch Logs: failed (tasks), all or none"
  type        = string
  default     = "failed"

  validation {
    condition     = contains(["failed", "all", "none"], var.logs)
    error_message = "logs is failed, all or none."
  }
}

variable "log_groups" {
  description = "The log groups of your tasks, as a pattern; reading is allowed from these only"
  type        = string
  default     = "/ecs/*"
}

variable "logs_rate" {
  description = "GetLogEvents calls a second of each copy of the function, or of each worker. CloudWatch Logs gives a whole account 10 to 30, by region"
  type        = number
  default     = 3

  validation {
    condition     = var.logs_rate >= 1
    error_message = "logs_rate is 1 or more."
  }
}

variable "containers" {
  description = "none where sidecars or agents send the containers' spans, for a span has one owner; else all"
  type        = string
  default     = "all"

  validation {
    condition     = contains(["all", "none"], var.containers)
    error_message = "containers is all or none."
  }
}

variable "architecture" {
  description = "The one that the zip or the image was built for: x86_64 or arm64"
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "subnet_ids" {
  description = "Subnets of the workers; with lambda those from which a receiver in a VPC is reached (they need a NAT gateway, or endpoints for logs, ecs and xray), empty - the function is in none"
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Security groups in these subnets; they must allow HTTPS and the OTLP port outwards, and nothing inwards"
  type        = list(string)
  default     = []
}

variable "alarm_topic_arn" {
  description = "SNS topic that is told by the alarms; null - they tell nobody"
  type        = string
  default     = null
}

# With run_on = "lambda".

variable "lambda_zip" {
  description = "Path of the zip that examples/deploy/lambda-zip.sh makes"
  type        = string
  default     = null
}

variable "maximum_concurrency" {
  description = "How many copies of the function run at once at most; 2 is the least that Lambda allows"
  type        = number
  default     = 2

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "maximum_concurrency is 2 to 1000."
  }
}

# With run_on = "fargate".

variable "cluster" {
  description = "Name of the cluster in which the workers run"
  type        = string
  default     = null
}

variable "image" {
  description = "The image that the Dockerfile makes"
  type        = string
  default     = null
}

variable "assign_public_ip" {
  description = "true in public subnets, so that AWS and the image are reached without a NAT gateway"
  type        = bool
  default     = false
}

variable "maximum_workers" {
  description = "As many workers run at most"
  type        = number
  default     = 4

  validation {
    condition     = var.maximum_workers >= 1
    error_message = "maximum_workers is 1 or more."
  }
}
