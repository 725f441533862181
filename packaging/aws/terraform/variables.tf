variable "bucket" {
  description = "The name of the new bucket, which must be free in all of AWS."
  type        = string
}

variable "prefix" {
  description = "The folder that backups are written below. The policies name no other."
  type        = string
  default     = "backups"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", var.prefix))
    error_message = "The prefix has folders of letters, digits, dots, hyphens and _, with / between them and at neither end."
  }
}

variable "mode" {
  description = "What the machine that backs up may do: full backs up, prunes and restores; drop-box only adds new backups, so that a second user is made who prunes."
  type        = string
  default     = "full"

  validation {
    condition     = contains(["full", "drop-box"], var.mode)
    error_message = "The mode is full or drop-box."
  }
}

variable "agent_user" {
  description = "Whether the agent gets a user of its own. Where it runs with a role (EC2, ECS, EKS), say false and attach the policy of its mode, from the output policies, to that role."
  type        = bool
  default     = true
}

variable "name" {
  description = "What the names of users and policies begin with."
  type        = string
  default     = "pgcoffer"
}

variable "lock" {
  description = "governance or compliance makes the bucket with Object Lock, for PGCOFFER_LOCK. It can't be switched off again."
  type        = string
  default     = "off"

  validation {
    condition     = contains(["off", "governance", "compliance"], var.lock)
    error_message = "The lock is off, governance or compliance."
  }
}

variable "lock_days" {
  description = "With a lock, the longest retention of the schedule and a day."
  type        = number
  default     = 400

  validation {
    condition     = var.lock_days >= 1 && var.lock_days <= 36500 && floor(var.lock_days) == var.lock_days
    error_message = "A lock lasts 1 to 36500 whole days."
  }
}

variable "deleted_versions_days" {
  description = "The bucket keeps versions. What is deleted or written over stays for so many days."
  type        = number
  default     = 30
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
}
