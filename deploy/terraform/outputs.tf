output "queue_url" {
  description = "Of the queue of events; a task can be sent there by hand"
  value       = aws_sqs_queue.queue.url
}

output "queue_arn" {
  description = "Where dead letters go back to"
  value       = aws_sqs_queue.queue.arn
}

output "dead_letters_url" {
  description = "Of the queue of what could not be exported"
  value       = aws_sqs_queue.dead_letters.url
}

output "dead_letters_arn" {
  description = "The source of a redrive"
  value       = aws_sqs_queue.dead_letters.arn
}

output "log_group_name" {
  description = "What ecspan says of itself"
  value       = aws_cloudwatch_log_group.log.name
}

output "role_arn" {
  description = "What ecspan runs as: the function's role, or the task role"
  value       = one(concat(aws_iam_role.function[*].arn, aws_iam_role.task[*].arn))
}

output "function_name" {
  description = "The function; null with fargate"
  value       = one(aws_lambda_function.function[*].function_name)
}

output "service_name" {
  description = "The ECS service; null with lambda"
  value       = one(aws_ecs_service.workers[*].name)
}
