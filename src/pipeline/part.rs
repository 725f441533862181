//! Ranges of an archive's content, each read from the frames that hold it.

use std::{collections::VecDeque, ops::Range};

use super::{Budget, ChunkIndex, ContentReader, Progress, SealedArchive, chunk_index::Chunks};
use crate::error::{Error, Result};

/// Some ranges of an archive's content, given in their order, joined.
///
/// Each range costs the frames that hold its chunks; ranges that share a frame, or lie in frames beside each other, are
/// read as one. Nothing is requested before the first bytes are asked for. Dropped, it aborts what is in flight.
pub struct PartReader {
    archive: SealedArchive,
    budget: Budget,
    progress: Progress,
    runs: VecDeque<Run>,
    reading: Option<Reading>,
    sealed_bytes: u64,
}

/// Chunks that are read as one, and what is wanted of their content.
struct Run {
    chunks: Chunks,
    spans: VecDeque<Range<u64>>,
}

/// The run that is being read.
struct Reading {
    content: ContentReader,
    /// Where in the content the next bytes lie.
    at: u64,
    spans: VecDeque<Range<u64>>,
}

impl SealedArchive {
    /// These ranges of the content, which are in order and don't overlap.
    ///
    /// # Errors
    /// [`Error::Differs`] if they are in another order, or lie beyond the content.
    pub fn part(
        &self,
        index: &ChunkIndex,
        spans: &[Range<u64>],
        budget: &Budget,
        progress: &Progress,
    ) -> Result<PartReader> {
        let mut runs: VecDeque<Run> = VecDeque::new();
        let mut end = 0;
        for span in spans {
            if span.start < end || span.end < span.start || span.end > index.content_bytes() {
                return Err(self.misplaced());
            }
            end = span.end;
            if span.is_empty() {
                continue;
            }
            let chunks = index.chunks_of(span);
            match runs.back_mut().filter(|run| self.are_beside(&run.chunks, &chunks)) {
                Some(run) => {
                    run.chunks.content.end = chunks.content.end;
                    run.chunks.payload.end = chunks.payload.end;
                    run.spans.push_back(span.clone());
                }
                None => runs.push_back(Run {
                    chunks,
                    spans: VecDeque::from([span.clone()]),
                }),
            }
        }
        let sealed_bytes = runs.iter().map(|run| self.bytes_of_frames(&run.chunks.payload)).sum();
        progress.expect(sealed_bytes);
        Ok(PartReader {
            archive: self.clone(),
            budget: budget.clone(),
            progress: progress.clone(),
            runs,
            reading: None,
            sealed_bytes,
        })
    }

    /// Whether nothing but the rest of a frame lies between two ranges of chunks.
    fn are_beside(&self, first: &Chunks, second: &Chunks) -> bool {
        let size = self.header().frame_size as u64;
        second.payload.start / size <= first.payload.end.div_ceil(size)
    }

    /// Bytes of the frames that hold these bytes of the payload.
    fn bytes_of_frames(&self, payload: &Range<u64>) -> u64 {
        let size = self.header().frame_size as u64;
        let frames = payload.end.div_ceil(size) - payload.start / size;
        let bytes = frames.saturating_mul(size + crate::seal::FRAME_OVERHEAD as u64);
        bytes.min(self.sealed_bytes())
    }

    fn misplaced(&self) -> Error {
        Error::differs(
            self.name(),
            "what its details say of where tables lie in it can't be true",
        )
    }
}

impl PartReader {
    /// Bytes of the object that all of it costs, at most.
    #[must_use]
    pub fn sealed_bytes(&self) -> u64 {
        self.sealed_bytes
    }

    /// The next bytes, in their order; none at the end.
    ///
    /// # Errors
    /// As [`ContentReader::next`]; [`Error::Differs`] where chunks end elsewhere than the index says.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let Some(reading) = &mut self.reading else {
                let Some(run) = self.runs.pop_front() else {
                    return Ok(None);
                };
                self.reading = Some(self.begin(run)?);
                continue;
            };
            match reading.content.next().await? {
                Some(content) => {
                    let wanted = take(content, &mut reading.at, &mut reading.spans);
                    if !wanted.is_empty() {
                        return Ok(Some(wanted));
                    }
                }
                None if reading.spans.is_empty() => self.reading = None,
                None => return Err(self.archive.misplaced()),
            }
        }
    }

    fn begin(&self, run: Run) -> Result<Reading> {
        let Chunks { content, payload } = run.chunks;
        let archive = self.archive.clone().with_content_bytes_max(content.end - content.start);
        Ok(Reading {
            content: archive.content(payload, &self.budget, &self.progress)?,
            at: content.start,
            spans: run.spans,
        })
    }
}

/// What of the content's next bytes, which lie at `at`, is in the spans. Spans that end there are removed.
fn take(content: &[u8], at: &mut u64, spans: &mut VecDeque<Range<u64>>) -> Vec<u8> {
    let (begin, end) = (*at, *at + content.len() as u64);
    *at = end;
    let within = |offset: u64| usize::try_from(offset.clamp(begin, end) - begin).unwrap_or(usize::MAX);
    let mut wanted = Vec::new();
    while let Some(span) = spans.front() {
        wanted.extend_from_slice(&content[within(span.start)..within(span.end)]);
        if span.end > end {
            break;
        }
        spans.pop_front();
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_spans_is_taken_whatever_the_cuts() {
        let content: Vec<u8> = (0..100).collect();
        let spans = [15..20, 20..21, 40..75, 99..100];
        let expected: Vec<u8> = spans.iter().cloned().flatten().collect();
        for cut in [1, 3, 7, 30, 90] {
            let (mut at, mut left) = (
                10,
                spans
                    .iter()
                    .map(|span| u64::from(span.start)..u64::from(span.end))
                    .collect(),
            );
            let pieces = content[10..].chunks(cut);
            let taken: Vec<u8> = pieces.flat_map(|piece| take(piece, &mut at, &mut left)).collect();
            assert_eq!(taken, expected, "{cut}");
            assert!(left.is_empty());
        }
    }
}
