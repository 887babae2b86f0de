//! The four ways to ask a check, each over a whole batch, each answer checked.

use crate::bindings::shapes;
use crate::fault::Fault;
use crate::output;
use crate::packed::{Packed, PackedRef, part};
use crate::seat::{FaultedRows, Hand, Seat};
use crate::world::{
    CheckAnswer, Codec, DecodeAnswer, EventCheck, ExplainAnswer, ParityCheck, ProjectAnswer,
    WindowAnswer, WindowCheck, call,
};

/// Longest text of one side of a difference, in bytes, and the most differences of an event.
const DIFFERENCE_BYTES_MAX: usize = 256;
const DIFFERENCES_MAX: usize = 32;

/// What a codec made of a batch, one entry per frame. Reused from batch to batch.
#[derive(Debug, Default)]
pub struct Decoded {
    /// JSON text per frame; empty where the frame is malformed or the codec failed on it.
    pub documents: Packed,
    /// 0, or the n-th reason of the manifest. 0 with a fault where the codec failed.
    pub codes: Vec<u16>,
    pub details: Vec<(usize, String)>,
    pub faulted: Vec<FaultedRows>,
}

/// What an event check said of a batch, one code per row. Reused from batch to batch.
#[derive(Debug, Default)]
pub struct Judged {
    pub codes: Vec<u16>,
    pub details: Vec<(usize, String)>,
    /// Rows that it could not judge; their codes are 0 and mean nothing.
    pub faulted: Vec<FaultedRows>,
}

/// The normal forms of a batch, one per row; an empty one could not be projected.
#[derive(Debug, Default)]
pub struct Projected {
    pub forms: Packed,
    pub faulted: Vec<FaultedRows>,
}

/// One field that differs between the two sides of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub field: String,
    pub raw: String,
    pub written: String,
}

pub use crate::bindings::shapes::Tally;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

/// What a window check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Index of the tally.
    pub tally: usize,
    /// Index of the reason in the manifest.
    pub reason: usize,
    pub severity: Severity,
    pub text: String,
}

impl Seat<Codec> {
    /// Decodes every frame; never fails as a whole.
    pub fn decode(&mut self, frames: PackedRef<'_>, out: &mut Decoded) {
        let Decoded {
            documents,
            codes,
            details,
            faulted,
        } = out;
        documents.clear();
        codes.clear();
        details.clear();
        faulted.clear();
        let reasons = self.check().manifest.reasons.len();
        let mut rebased = Vec::new();
        // Both closures write the same columns, one at a time, in row order.
        let columns = std::cell::RefCell::new((documents, codes));
        self.bisect(
            frames.rows(),
            |seat, first, rows, time| {
                let column = part(frames, first, rows, &mut rebased);
                let param = shapes::ColumnParam {
                    text: column.text,
                    ends: column.ends,
                };
                let answer = seat.call(None, (first, rows), time, |store, exports| {
                    call::<_, DecodeAnswer>(&exports.work, store, (param,)).map(|answer| answer.0)
                })?;
                let checked = output::codes(&answer.codes, rows, reasons)
                    .and_then(|()| {
                        output::column(&answer.documents.text, &answer.documents.ends, rows)
                    })
                    .and_then(|()| {
                        output::utf8_rows(PackedRef {
                            text: &answer.documents.text,
                            ends: &answer.documents.ends,
                        })
                    })
                    .and_then(|()| {
                        let told = answer
                            .details
                            .into_iter()
                            .map(|detail| (detail.row, detail.text));
                        output::details(told, rows, first, details)
                    });
                if let Err(fault) = checked {
                    seat.discard();
                    return Err(fault);
                }
                let (documents, codes) = &mut *columns.borrow_mut();
                documents.append(&answer.documents.text, &answer.documents.ends);
                codes.extend_from_slice(&answer.codes);
                Ok(())
            },
            |rows| {
                let (documents, codes) = &mut *columns.borrow_mut();
                for _ in 0..rows.rows {
                    documents.push(b"");
                    codes.push(0);
                }
                faulted.push(rows);
            },
        );
    }
}

/// The parts of all columns of a batch, rebased into reused buffers.
struct Parts {
    rebased: Vec<Vec<u32>>,
}

impl Parts {
    fn new(columns: usize) -> Self {
        Self {
            rebased: vec![Vec::new(); columns],
        }
    }

    fn of<'a>(
        &'a mut self,
        columns: &[PackedRef<'a>],
        first: usize,
        rows: usize,
    ) -> Vec<PackedRef<'a>> {
        columns
            .iter()
            .zip(&mut self.rebased)
            .map(|(column, rebased)| part(*column, first, rows, rebased))
            .collect()
    }
}

impl Seat<EventCheck> {
    /// Judges every row of the batch in hand; never fails as a whole. `columns` are the manifest's,
    /// each with one row per document.
    pub fn judge(
        &mut self,
        hand: &mut Hand<'_>,
        stream: &str,
        rows: usize,
        columns: &[PackedRef<'_>],
        out: &mut Judged,
    ) {
        let Judged {
            codes,
            details,
            faulted,
        } = out;
        codes.clear();
        codes.resize(rows, 0);
        details.clear();
        faulted.clear();
        let reasons = self.check().manifest.reasons.len();
        let mut parts = Parts::new(columns.len());
        self.bisect(
            rows,
            |seat, first, rows, time| {
                let columns: Vec<_> = parts
                    .of(columns, first, rows)
                    .iter()
                    .map(|column| shapes::ColumnParam {
                        text: column.text,
                        ends: column.ends,
                    })
                    .collect();
                let batch = shapes::Batch {
                    stream,
                    rows: rows as u32,
                    columns: &columns,
                };
                let answer = seat.call(Some(hand), (first, rows), time, |store, exports| {
                    call::<_, CheckAnswer>(&exports.work, store, (batch,)).map(|answer| answer.0)
                })?;
                let checked = output::codes(&answer.codes, rows, reasons).and_then(|()| {
                    let told = answer
                        .details
                        .into_iter()
                        .map(|detail| (detail.row, detail.text));
                    output::details(told, rows, first, details)
                });
                if let Err(fault) = checked {
                    seat.discard();
                    return Err(fault);
                }
                codes[first..first + rows].copy_from_slice(&answer.codes);
                Ok(())
            },
            |rows| faulted.push(rows),
        );
    }
}

impl Seat<ParityCheck> {
    /// Projects every row of the batch; never fails as a whole.
    pub fn project(
        &mut self,
        stream: &str,
        rows: usize,
        columns: &[PackedRef<'_>],
        out: &mut Projected,
    ) {
        let Projected { forms, faulted } = out;
        forms.clear();
        faulted.clear();
        let mut parts = Parts::new(columns.len());
        let forms = std::cell::RefCell::new(forms);
        self.bisect(
            rows,
            |seat, first, rows, time| {
                let columns: Vec<_> = parts
                    .of(columns, first, rows)
                    .iter()
                    .map(|column| shapes::ColumnParam {
                        text: column.text,
                        ends: column.ends,
                    })
                    .collect();
                let batch = shapes::Batch {
                    stream,
                    rows: rows as u32,
                    columns: &columns,
                };
                let answer = seat.call(None, (first, rows), time, |store, exports| {
                    call::<_, ProjectAnswer>(&exports.work, store, (batch,)).map(|answer| answer.0)
                })?;
                if let Err(fault) = output::column(&answer.text, &answer.ends, rows) {
                    seat.discard();
                    return Err(fault);
                }
                forms.borrow_mut().append(&answer.text, &answer.ends);
                Ok(())
            },
            |rows| {
                (0..rows.rows).for_each(|_| forms.borrow_mut().push(b""));
                faulted.push(rows);
            },
        );
    }

    /// Names the fields that differ between two normal forms.
    pub fn explain(&mut self, raw: &[u8], written: &[u8]) -> Result<Vec<Difference>, Fault> {
        let mut answer = None;
        let mut failed = None;
        self.bisect(
            1,
            |seat, _, _, time| {
                let told = seat.call(None, (0, 0), time, |store, exports| {
                    match &exports.explain {
                        Some(explain) => call::<_, ExplainAnswer>(explain, store, (raw, written))
                            .map(|answer| Ok(answer.0)),
                        None => Ok(Err("it does not export explain".into())),
                    }
                })?;
                answer = Some(told);
                Ok(())
            },
            |rows| failed = Some(rows.fault),
        );
        let clip = |text| crate::fault::clip(text, DIFFERENCE_BYTES_MAX);
        match (answer, failed) {
            (Some(told), _) => Ok(told
                .into_iter()
                .take(DIFFERENCES_MAX)
                .map(|d| Difference {
                    field: clip(d.field),
                    raw: clip(d.raw),
                    written: clip(d.written),
                })
                .collect()),
            (None, Some(fault)) => Err(fault),
            (None, None) => Ok(Vec::new()),
        }
    }
}

impl Seat<WindowCheck> {
    /// Judges closed windows. A fault tells nothing about any of them.
    pub fn judge_windows(&mut self, tallies: &[Tally]) -> Result<Vec<Finding>, Fault> {
        let reasons = self.check().manifest.reasons.len();
        let mut findings = Vec::new();
        let mut failed = None;
        self.bisect(
            1,
            |seat, _, _, time| {
                let told = seat.call(None, (0, 0), time, |store, exports| {
                    call::<_, WindowAnswer>(&exports.work, store, (tallies,)).map(|answer| answer.0)
                })?;
                for finding in told {
                    let (tally, reason) = (finding.tally as usize, usize::from(finding.reason));
                    if tally >= tallies.len() || reason == 0 || reason > reasons {
                        findings.clear();
                        seat.discard();
                        return Err(Fault::bad_output(format!(
                            "a finding about tally {tally} of {} with reason {reason} of {reasons}",
                            tallies.len()
                        )));
                    }
                    let severity = match finding.severity {
                        shapes::Severity::Info => Severity::Info,
                        shapes::Severity::Warning => Severity::Warning,
                        shapes::Severity::Critical => Severity::Critical,
                    };
                    let text = crate::fault::clip(finding.text, DIFFERENCE_BYTES_MAX);
                    findings.push(Finding {
                        tally,
                        reason: reason - 1,
                        severity,
                        text,
                    });
                }
                Ok(())
            },
            |rows| failed = Some(rows.fault),
        );
        match failed {
            Some(fault) => Err(fault),
            None => Ok(findings),
        }
    }
}
