# A bucket for pgcoffer's backups of PostgreSQL, and identities that may do there what their part of the work needs, and
# nothing else. Access keys are not made here: they would stand in the state.

data "aws_partition" "current" {}

locals {
  locks = var.lock != "off"

  # In drop-box mode another machine deletes what has run out.
  modes = concat([var.mode], var.mode == "drop-box" ? ["prune"] : [], ["restore"])
  users = toset([for mode in local.modes : mode if var.agent_user || mode != var.mode])

  # What `pgcoffer policy --mode MODE` prints. Who only reads gets the same with and without locks.
  policies = {
    for mode in local.modes : mode => templatefile(
      "${path.module}/policies/${mode}${local.locks && mode != "restore" ? "-locked" : ""}.json.tftpl",
      {
        partition = data.aws_partition.current.partition
        bucket    = var.bucket
        prefix    = var.prefix
        lock_mode = upper(var.lock)
        lock_days = var.lock_days
      }
    )
  }
}

resource "aws_s3_bucket" "backups" {
  bucket              = var.bucket
  object_lock_enabled = local.locks
  tags                = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "backups" {
  bucket = aws_s3_bucket.backups.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "backups" {
  bucket = aws_s3_bucket.backups.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "backups" {
  bucket                  = aws_s3_bucket.backups.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "backups" {
  bucket = aws_s3_bucket.backups.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "backups" {
  bucket = aws_s3_bucket.backups.id

  rule {
    id     = "lost-uploads-and-deleted-versions"
    status = "Enabled"

    filter {
      prefix = "${var.prefix}/"
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    noncurrent_version_expiration {
      noncurrent_days = var.deleted_versions_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  # S3 takes rules about versions only from a bucket that keeps them.
  depends_on = [aws_s3_bucket_versioning.backups]
}

resource "aws_iam_policy" "this" {
  for_each = local.policies

  name_prefix = "${var.name}-${each.key}-"
  description = "What pgcoffer policy --mode ${each.key} prints"
  policy      = each.value
  tags        = var.tags
}

resource "aws_iam_user" "this" {
  for_each = local.users

  name = "${var.name}-${each.key}"
  tags = var.tags
}

resource "aws_iam_user_policy_attachment" "this" {
  for_each = local.users

  user       = aws_iam_user.this[each.key].name
  policy_arn = aws_iam_policy.this[each.key].arn
}
