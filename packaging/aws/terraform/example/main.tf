# The machine that backs up can add new backups, and can neither read nor delete any. Backups are locked for as long as
# they are kept.

provider "aws" {
  region = "eu-central-1"
}

module "backups" {
  source = "../"

  bucket    = "acme-backups"
  mode      = "drop-box"
  lock      = "governance"
  lock_days = 400
}

output "pgcoffer_bucket" {
  value = module.backups.pgcoffer_bucket
}

output "users" {
  value = module.backups.users
}
