# examples/deploy/lambda-zip.sh makes ecspan-lambda.zip in the project's folder.
variable "otlp_endpoint" {
  description = "URL of the OTLP receiver"
  type        = string
}

module "ecspan" {
  source = "../.."

  otlp_endpoint = var.otlp_endpoint
  lambda_zip    = "${path.module}/../../../../ecspan-lambda.zip"
}

output "queue_url" {
  value = module.ecspan.queue_url
}
