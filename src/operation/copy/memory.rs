//! The memory of copies that are made at the same time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::PartPlan;

/// What the archives that are copied at once may take together, beside which a dyno of 512 MB has room for the rest.
const MIB_MAX: u32 = 128;
/// The ranges of one download.
const DOWNLOAD_MIB: u64 = 16;

/// The memory that copies to several places share. A copy waits until there is enough for it: small archives go to
/// several places at once, and one whose parts are large goes to one place after another. Clones share it.
#[derive(Debug, Clone)]
pub struct CopyMemory(Arc<Semaphore>);

impl Default for CopyMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MIB_MAX as usize)))
    }
}

impl CopyMemory {
    /// Waits until an archive can be copied in parts of this plan. The memory is given back when the permit is dropped.
    pub(super) async fn take(&self, plan: &PartPlan) -> Option<OwnedSemaphorePermit> {
        // it is never closed
        Arc::clone(&self.0).acquire_many_owned(mib(plan)).await.ok()
    }
}

/// What one copy takes, and never more than there is.
fn mib(plan: &PartPlan) -> u32 {
    let parts = (plan.part_bytes >> 20).saturating_mul(u64::from(plan.buffers));
    u32::try_from(parts + DOWNLOAD_MIB).unwrap_or(MIB_MAX).min(MIB_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::PARTS_MAX;

    #[tokio::test]
    async fn small_archives_are_copied_at_once_and_large_ones_alone() {
        const GB: u64 = 1_000_000_000;
        for (bytes, at_once) in [(GB, 3), (74 * GB, 3), (100 * GB, 2), (400 * GB, 1), (8000 * GB, 1)] {
            let memory = CopyMemory::default();
            let plan = PartPlan::for_expected(bytes, PARTS_MAX);
            let mut taken = Vec::new();
            while let Ok(one) = Arc::clone(&memory.0).try_acquire_many_owned(mib(&plan)) {
                taken.push(one);
            }
            assert_eq!(taken.len(), at_once, "{bytes}");
            drop(taken);
            assert!(memory.take(&plan).await.is_some());
        }
    }
}
