//! How an upload is cut into parts, and so what it takes of memory.

const MIB: u64 = 1 << 20;

/// S3 takes parts of 5 MiB and more (all but the last); below 8 MiB requests get many without saving memory.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_BYTES_MIN: u64 = 8 * MIB;
/// S3's own upper bound of a part is 5 GiB; at this size a part is a matter of memory long before.
const PART_BYTES_MAX: u64 = 1024 * MIB;
/// Parts of one upload on S3 and nearly all others (same source).
pub const PARTS_MAX: u32 = 10_000;
/// Parts in memory at once: one being filled, two under way.
const BUFFERS: u32 = 3;

/// How an upload is cut into parts: chosen once, before its first byte, from what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    /// Bytes of each part but the last.
    pub part_bytes: u64,
    /// Parts in memory at once: being filled, under way, waiting for a retry.
    pub buffers: u32,
    /// The most parts that the service takes.
    pub parts_max: u32,
}

impl PartPlan {
    /// A plan that holds `expected_bytes` with an eighth of room to spare in `parts_max` parts of one size.
    ///
    /// Memory is three parts: 24 MiB up to 74 GB expected, 33 MiB up to 100 GB, 3 × expected × 1.125 / `parts_max`
    /// beyond.
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

    /// The size of part `number` (from 1). Uniform, because some services (R2) take nothing else, until nine in ten
    /// parts are used up: then it doubles with every hundredth of them, up to sixteenfold, since a failed backup is
    /// worse than a refused `CompleteMultipartUpload` or than memory. The whole then holds about twice what parts of
    /// one size would.
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
