#!/usr/bin/env bash
# LocalStack runs this inside its container once it is ready.
set -euo pipefail
awslocal s3api create-bucket --bucket pgcoffer
