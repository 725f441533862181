output "pgcoffer_bucket" {
  description = "PGCOFFER_BUCKET"
  value       = "s3://${aws_s3_bucket.backups.id}/${var.prefix}"
}

output "region" {
  description = "AWS_REGION"
  value       = aws_s3_bucket.backups.region
}

output "users" {
  description = "The users that were made, by what they may do. An access key: aws iam create-access-key --user-name NAME"
  value       = { for mode, user in aws_iam_user.this : mode => user.name }
}

output "policies" {
  description = "The policies' ARNs, by what they allow"
  value       = { for mode, policy in aws_iam_policy.this : mode => policy.arn }
}
