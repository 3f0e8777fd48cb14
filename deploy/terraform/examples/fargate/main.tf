# Workers of the tasks of one cluster, whose receiver wants a key.
variable "image" {
  description = "The image that the Dockerfile makes, in a registry"
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the workers"
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups of the workers"
  type        = list(string)
}

variable "otlp_headers_secret_arn" {
  description = "A secret with the string api-key=..."
  type        = string
}

module "ecspan" {
  source = "../.."

  run_on             = "fargate"
  name               = "ecspan-prod"
  cluster            = "tools"
  image              = var.image
  subnet_ids         = var.subnet_ids
  security_group_ids = var.security_group_ids

  only_cluster        = "prod"
  otlp_endpoint       = "https://otlp.example.com"
  otlp_headers_secret = { arn = var.otlp_headers_secret_arn }
}

output "queue_url" {
  value = module.ecspan.queue_url
}
