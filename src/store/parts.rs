//! How an upload is cut into parts, which determines its memory.

const MIB: u64 = 1 << 20;

/// The smallest part size. S3 accepts parts of 5 MiB and more (all but the last); parts below 8 MiB only mean more
/// requests. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_BYTES_MIN: u64 = 8 * MIB;
/// The largest part size. S3's own limit is 5 GiB; memory is the limit long before that.
const PART_BYTES_MAX: u64 = 1024 * MIB;
/// The most parts of one upload, on S3 and nearly all other services (same source).
pub const PARTS_MAX: u32 = 10_000;
/// The number of parts in memory: one being filled, two being sent.
const BUFFERS: u32 = 3;

/// How an upload is cut into parts. Chosen before the first byte, from the expected size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    /// The size of each part except the last, in bytes.
    pub part_bytes: u64,
    /// The number of parts in memory: being filled, being sent, or waiting for a retry.
    pub buffers: u32,
    /// The most parts that the service accepts.
    pub parts_max: u32,
}

impl PartPlan {
    /// A plan with room for `expected_bytes` and an eighth more, in `parts_max` parts of one size.
    ///
    /// Takes the memory of three parts: 24 MiB up to 74 GB expected, 33 MiB up to 100 GB, and beyond that 3 × expected
    /// × 1.125 / `parts_max`.
    #[must_use]
    pub fn for_expected(expected_bytes: u64, parts_max: u32) -> Self {
        let roomy = expected_bytes.saturating_add(expected_bytes / 8);
        let part_bytes = roomy
            .div_ceil(u64::from(parts_max.max(1)))
            .next_multiple_of(MIB)
            .clamp(PART_BYTES_MIN, PART_BYTES_MAX);
        Self::of_part_bytes(part_bytes, parts_max)
    }

    /// A plan with parts of exactly this size.
    #[must_use]
    pub fn of_part_bytes(part_bytes: u64, parts_max: u32) -> Self {
        Self {
            part_bytes,
            buffers: BUFFERS,
            parts_max,
        }
    }

    /// The size of part `number`, counted from 1. All parts have one size, because some services (R2) accept nothing
    /// else, until nine tenths of the parts are used up. Then the size doubles with every hundredth of them, up to
    /// sixteenfold, since more memory or a refused `CompleteMultipartUpload` is better than a failed backup. The whole
    /// upload can hold about twice what parts of one size could.
    #[must_use]
    pub fn bytes_of(&self, number: u32) -> u64 {
        let late = u64::from(number).saturating_sub(u64::from(self.parts_max) * 9 / 10);
        let step = u64::from(self.parts_max / 100).max(1);
        let doublings = u32::try_from(late.div_ceil(step)).unwrap_or(u32::MAX).min(4);
        self.part_bytes
            .checked_shl(doublings)
            .unwrap_or(u64::MAX)
            .clamp(self.part_bytes, PART_BYTES_MAX.max(self.part_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    fn capacity(plan: &PartPlan) -> u64 {
        (1..=plan.parts_max).map(|n| plan.bytes_of(n)).sum()
    }

    #[test]
    fn up_to_100_gb_parts_stay_within_33_mib() {
        for expected in [0, 1, GB, 50 * GB, 100 * GB] {
            let plan = PartPlan::for_expected(expected, PARTS_MAX);
            assert!(plan.part_bytes * u64::from(plan.buffers) <= 33 * MIB, "{plan:?}");
            assert!(plan.part_bytes * u64::from(PARTS_MAX) >= expected * 9 / 8);
        }
    }

    #[test]
    fn parts_are_uniform_as_long_as_the_expectation_holds_and_grow_rather_than_fail() {
        for (expected, parts_max) in [
            (0, PARTS_MAX),
            (800 * GB, PARTS_MAX),
            (100 * GB, 1000),
            (5000 * GB, PARTS_MAX),
        ] {
            let plan = PartPlan::for_expected(expected, parts_max);
            let uniform = parts_max * 9 / 10;
            assert!((1..=uniform).all(|n| plan.bytes_of(n) == plan.part_bytes));
            assert!(plan.part_bytes * u64::from(uniform) >= expected);
            assert!(
                capacity(&plan) > 3 * plan.part_bytes * u64::from(parts_max) / 2
                    || plan.part_bytes >= PART_BYTES_MAX / 4
            );
            assert!((1..=parts_max).all(|n| plan.bytes_of(n) <= PART_BYTES_MAX));
        }
    }
}
