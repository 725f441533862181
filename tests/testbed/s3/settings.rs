//! What a bucket is set to beside versions, locks and rules: who may come in, and how it encrypts.

use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result};

use super::Shared;
use super::objects::bucket;

pub(super) async fn get_public_access_block(
    shared: &Shared,
    request: S3Request<GetPublicAccessBlockInput>,
) -> S3Result<GetPublicAccessBlockOutput> {
    bucket(&shared.stores(), &request.input.bucket)?;
    if !shared.control().behaviour.public_access_blocked {
        return Err(absent("NoSuchPublicAccessBlockConfiguration"));
    }
    Ok(GetPublicAccessBlockOutput {
        public_access_block_configuration: Some(PublicAccessBlockConfiguration {
            block_public_acls: Some(true),
            ignore_public_acls: Some(true),
            block_public_policy: Some(true),
            restrict_public_buckets: Some(true),
        }),
    })
}

pub(super) async fn get_bucket_policy_status(
    shared: &Shared,
    request: S3Request<GetBucketPolicyStatusInput>,
) -> S3Result<GetBucketPolicyStatusOutput> {
    bucket(&shared.stores(), &request.input.bucket)?;
    if !shared.control().behaviour.public_policy {
        return Err(absent("NoSuchBucketPolicy"));
    }
    Ok(GetBucketPolicyStatusOutput {
        policy_status: Some(PolicyStatus { is_public: Some(true) }),
    })
}

pub(super) async fn get_bucket_encryption(
    shared: &Shared,
    request: S3Request<GetBucketEncryptionInput>,
) -> S3Result<GetBucketEncryptionOutput> {
    bucket(&shared.stores(), &request.input.bucket)?;
    let algorithm = ServerSideEncryption::from_static(ServerSideEncryption::AES256);
    Ok(GetBucketEncryptionOutput {
        server_side_encryption_configuration: Some(ServerSideEncryptionConfiguration {
            rules: vec![ServerSideEncryptionRule {
                apply_server_side_encryption_by_default: Some(ServerSideEncryptionByDefault {
                    kms_master_key_id: None,
                    sse_algorithm: algorithm,
                }),
                ..Default::default()
            }],
        }),
    })
}

fn absent(code: &'static str) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::Custom(code.into()));
    error.set_status_code(hyper::StatusCode::NOT_FOUND);
    error
}
