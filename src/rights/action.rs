use super::AccessMode;

/// An action of S3 that a policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum S3Action {
    /// `s3:ListBucket`.
    ListBucket,
    /// `s3:ListBucketMultipartUploads`.
    ListBucketMultipartUploads,
    /// `s3:GetBucketVersioning`.
    GetBucketVersioning,
    /// `s3:GetObject`.
    GetObject,
    /// `s3:GetObjectTagging`.
    GetObjectTagging,
    /// `s3:GetObjectRetention`.
    GetObjectRetention,
    /// `s3:GetObjectLegalHold`.
    GetObjectLegalHold,
    /// `s3:PutObject`.
    PutObject,
    /// `s3:PutObjectAcl`.
    PutObjectAcl,
    /// `s3:PutObjectTagging`.
    PutObjectTagging,
    /// `s3:PutObjectRetention`.
    PutObjectRetention,
    /// `s3:PutObjectLegalHold`.
    PutObjectLegalHold,
    /// `s3:DeleteObject`.
    DeleteObject,
    /// `s3:AbortMultipartUpload`.
    AbortMultipartUpload,
    /// `s3:ListMultipartUploadParts`.
    ListMultipartUploadParts,
    /// `s3:RestoreObject`.
    RestoreObject,
    /// `s3:GetLifecycleConfiguration`.
    GetLifecycleConfiguration,
    /// `s3:PutLifecycleConfiguration`.
    PutLifecycleConfiguration,
    /// `s3:GetBucketObjectLockConfiguration`.
    GetBucketObjectLockConfiguration,
    /// `s3:GetBucketPublicAccessBlock`.
    GetBucketPublicAccessBlock,
    /// `s3:GetBucketPolicyStatus`.
    GetBucketPolicyStatus,
    /// `s3:GetEncryptionConfiguration`.
    GetEncryptionConfiguration,
}

impl S3Action {
    /// The actions with which `check` reads a bucket's settings. No other command needs them.
    pub const SETTINGS: [Self; 6] = [
        Self::GetBucketVersioning,
        Self::GetLifecycleConfiguration,
        Self::GetBucketObjectLockConfiguration,
        Self::GetBucketPublicAccessBlock,
        Self::GetBucketPolicyStatus,
        Self::GetEncryptionConfiguration,
    ];

    /// The action's name in a policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ListBucket => "s3:ListBucket",
            Self::ListBucketMultipartUploads => "s3:ListBucketMultipartUploads",
            Self::GetBucketVersioning => "s3:GetBucketVersioning",
            Self::GetObject => "s3:GetObject",
            Self::GetObjectTagging => "s3:GetObjectTagging",
            Self::GetObjectRetention => "s3:GetObjectRetention",
            Self::GetObjectLegalHold => "s3:GetObjectLegalHold",
            Self::PutObject => "s3:PutObject",
            Self::PutObjectAcl => "s3:PutObjectAcl",
            Self::PutObjectTagging => "s3:PutObjectTagging",
            Self::PutObjectRetention => "s3:PutObjectRetention",
            Self::PutObjectLegalHold => "s3:PutObjectLegalHold",
            Self::DeleteObject => "s3:DeleteObject",
            Self::AbortMultipartUpload => "s3:AbortMultipartUpload",
            Self::ListMultipartUploadParts => "s3:ListMultipartUploadParts",
            Self::RestoreObject => "s3:RestoreObject",
            Self::GetLifecycleConfiguration => "s3:GetLifecycleConfiguration",
            Self::PutLifecycleConfiguration => "s3:PutLifecycleConfiguration",
            Self::GetBucketObjectLockConfiguration => "s3:GetBucketObjectLockConfiguration",
            Self::GetBucketPublicAccessBlock => "s3:GetBucketPublicAccessBlock",
            Self::GetBucketPolicyStatus => "s3:GetBucketPolicyStatus",
            Self::GetEncryptionConfiguration => "s3:GetEncryptionConfiguration",
        }
    }

    /// The commands that need the action, for messages.
    #[must_use]
    pub fn needed_for(self) -> &'static str {
        match self {
            Self::PutObject => "backup, hold, drill",
            Self::PutObjectAcl => "backup with PGCOFFER_ACL",
            Self::PutObjectTagging => "backup, hold",
            Self::AbortMultipartUpload => "aborting a failed backup, prune",
            Self::ListBucket => "tick, list, status, prune, restore",
            Self::GetObject => "tick, list, status, prune, restore, verify, drill",
            Self::GetObjectTagging => "prune, hold",
            Self::DeleteObject => "prune",
            Self::ListBucketMultipartUploads => "prune, status",
            Self::ListMultipartUploadParts => "prune",
            Self::RestoreObject => "--thaw",
            Self::PutObjectRetention => "backup with PGCOFFER_LOCK",
            Self::PutObjectLegalHold => "hold with PGCOFFER_LOCK",
            Self::GetObjectRetention | Self::GetObjectLegalHold => "prune with PGCOFFER_LOCK",
            Self::PutLifecycleConfiguration => "lifecycle apply",
            Self::GetLifecycleConfiguration => "lifecycle, check",
            Self::GetBucketVersioning => "prune, check",
            Self::GetBucketObjectLockConfiguration
            | Self::GetBucketPublicAccessBlock
            | Self::GetBucketPolicyStatus
            | Self::GetEncryptionConfiguration => "check",
        }
    }

    /// Whether the action applies to the bucket instead of objects.
    pub(super) fn is_of_bucket(self) -> bool {
        matches!(
            self,
            Self::ListBucket | Self::ListBucketMultipartUploads | Self::GetBucketVersioning
        )
    }
}

impl AccessMode {
    /// The actions that this mode's commands need; those for locks only with `lock`. Thawing costs money and legal
    /// holds have no end, so both are separate options.
    #[must_use]
    pub fn actions(self, lock: bool) -> Vec<S3Action> {
        use S3Action as A;
        let (actions, of_locks): (&[S3Action], &[S3Action]) = match self {
            Self::Full => (
                &[
                    A::ListBucket,
                    A::ListBucketMultipartUploads,
                    A::GetBucketVersioning,
                    A::GetObject,
                    A::GetObjectTagging,
                    A::PutObject,
                    A::PutObjectTagging,
                    A::DeleteObject,
                    A::AbortMultipartUpload,
                    A::ListMultipartUploadParts,
                ],
                &[A::GetObjectRetention, A::GetObjectLegalHold, A::PutObjectRetention],
            ),
            Self::DropBox => (&[A::PutObject, A::AbortMultipartUpload], &[A::PutObjectRetention]),
            Self::Prune => (
                &[
                    A::ListBucket,
                    A::ListBucketMultipartUploads,
                    A::GetBucketVersioning,
                    A::GetObject,
                    A::GetObjectTagging,
                    A::DeleteObject,
                    A::AbortMultipartUpload,
                    A::ListMultipartUploadParts,
                ],
                &[A::GetObjectRetention, A::GetObjectLegalHold],
            ),
            Self::Restore => (&[A::ListBucket, A::GetObject], &[]),
            // it writes into the folders of drills alone
            Self::Drill => (&[A::ListBucket, A::GetObject, A::PutObject], &[]),
        };
        let of_locks = of_locks.iter().filter(|_| lock);
        actions.iter().chain(of_locks).copied().collect()
    }
}
