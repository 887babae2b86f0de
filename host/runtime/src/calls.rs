//! The calls of checks, by world: each is over a whole batch, and each answer is checked.

use crate::bindings::shapes;
use crate::fault::Fault;
use crate::instance::{CallInput, CheckInstance, CheckTask};
use crate::output;
use crate::packed::{PackedRef, part};
use crate::results::{
    Decoded, Difference, Finding, Judged, JudgedWindows, Projected, Severity, Tally,
};
use crate::world::{
    CheckAnswer, Codec, DecodeAnswer, EventCheck, ExplainAnswer, ParityCheck, ProjectAnswer,
    WindowAnswer, WindowCheck, call,
};

/// Longest text of one side of a difference, in bytes, and most differences of an event.
const DIFFERENCE_BYTES_MAX: usize = 256;
const DIFFERENCES_MAX: usize = 32;

impl CheckInstance<Codec> {
    /// Decodes every frame to a JSON document; never fails as a whole.
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
        let bytes_max = self.check().limits.output_bytes_max;
        self.bisect(
            CheckTask::Work,
            frames.rows(),
            |instance, first, rows, time| {
                let column = part(frames, first, rows, &mut rebased);
                let param = shapes::ColumnParam {
                    text: column.text,
                    ends: column.ends,
                };
                let answer = instance.call(None, (first, rows), time, |store, exports| {
                    call::<_, DecodeAnswer>(&exports.work, store, (param,)).map(|answer| answer.0)
                })?;
                let (documents, codes) = &mut *columns.borrow_mut();
                let shapes::Column { text, ends } = &answer.documents;
                let before = details.len();
                output::codes(&answer.codes, rows, reasons)
                    .and_then(|()| output::column(text, ends, rows))
                    .and_then(|()| output::utf8_rows(PackedRef { text, ends }))
                    .and_then(|()| {
                        output::details(row_details(answer.details), rows, first, details)
                    })
                    .and_then(|()| documents.append(text, ends, bytes_max))
                    .inspect_err(|_| {
                        details.truncate(before);
                        instance.discard();
                    })?;
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

fn row_details(details: Vec<shapes::Detail>) -> impl Iterator<Item = (u32, String)> {
    details.into_iter().map(|detail| (detail.row, detail.text))
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

impl CheckInstance<EventCheck> {
    /// Judges every row of the batch; never fails as a whole. `columns` are those of the manifest, in its order,
    /// each with one row per document.
    pub fn judge(
        &mut self,
        input: &mut CallInput<'_>,
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
        let mut set_aside = Vec::new();
        self.bisect(
            CheckTask::Work,
            rows,
            |instance, first, rows, time| {
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
                let answer =
                    instance.call(Some(input), (first, rows), time, |store, exports| {
                        call::<_, CheckAnswer>(&exports.work, store, (batch,))
                            .map(|answer| answer.0)
                    })?;
                output::codes(&answer.codes, rows, reasons)
                    .and_then(|()| {
                        output::details(row_details(answer.details), rows, first, details)
                    })
                    .inspect_err(|_| instance.discard())?;
                codes[first..first + rows].copy_from_slice(&answer.codes);
                for faulted in instance.take_set_aside() {
                    codes[faulted.first] = 0;
                    details.retain(|(row, _)| *row != faulted.first);
                    set_aside.push(faulted);
                }
                Ok(())
            },
            |rows| faulted.push(rows),
        );
        faulted.append(&mut set_aside);
    }
}

impl CheckInstance<ParityCheck> {
    /// Projects every row of the batch to its normal form; never fails as a whole. `columns` are those of the
    /// manifest for that stream, in its order, each with one row per document.
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
        let bytes_max = self.check().limits.output_bytes_max;
        let answers_fields = self.check().manifest.answers_fields();
        let mut parts = Parts::new(columns.len());
        let forms = std::cell::RefCell::new(forms);
        self.bisect(
            CheckTask::Work,
            rows,
            |instance, first, rows, time| {
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
                let answer = instance.call(None, (first, rows), time, |store, exports| {
                    call::<_, ProjectAnswer>(&exports.work, store, (batch,)).map(|answer| answer.0)
                })?;
                let shapes::Column { text, ends } = &answer;
                output::column(text, ends, rows)
                    .and_then(|()| match answers_fields {
                        true => output::fields_rows(PackedRef { text, ends }),
                        false => Ok(()),
                    })
                    .and_then(|()| forms.borrow_mut().append(text, ends, bytes_max))
                    .inspect_err(|_| instance.discard())
            },
            |rows| {
                (0..rows.rows).for_each(|_| forms.borrow_mut().push(b""));
                faulted.push(rows);
            },
        );
    }

    /// Names the fields that differ between two normal forms.
    ///
    /// # Errors
    ///
    /// If the check fails, or is suspended for a while.
    pub fn explain(&mut self, raw: &[u8], written: &[u8]) -> Result<Vec<Difference>, Fault> {
        let mut answer = None;
        let mut failed = None;
        self.bisect(
            CheckTask::Explain,
            1,
            |instance, _, _, time| {
                let answered =
                    instance.call(None, (0, 0), time, |store, exports| {
                        match &exports.explain {
                            Some(explain) => {
                                call::<_, ExplainAnswer>(explain, store, (raw, written))
                                    .map(|answer| Ok(answer.0))
                            }
                            None => Ok(Err("it does not export explain".into())),
                        }
                    })?;
                answer = Some(answered);
                Ok(())
            },
            |rows| failed = Some(rows.fault),
        );
        let clip = |text| crate::fault::clip(text, DIFFERENCE_BYTES_MAX);
        match (answer, failed) {
            (Some(answered), _) => Ok(answered
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

impl CheckInstance<WindowCheck> {
    /// Judges closed windows, one tally per window and schema; never fails as a whole.
    pub fn judge_windows(&mut self, tallies: &[Tally]) -> JudgedWindows {
        let reasons = self.check().manifest.reasons.len();
        let mut out = JudgedWindows::default();
        let JudgedWindows { findings, faulted } = &mut out;
        self.bisect(
            CheckTask::Work,
            tallies.len(),
            |instance, first, rows, time| {
                let part = &tallies[first..first + rows];
                let answered = instance.call(None, (first, rows), time, |store, exports| {
                    call::<_, WindowAnswer>(&exports.work, store, (part,)).map(|answer| answer.0)
                })?;
                let found = answered.into_iter().map(|finding| Finding {
                    tally: finding.tally as usize,
                    reason: usize::from(finding.reason),
                    severity: match finding.severity {
                        shapes::Severity::Info => Severity::Info,
                        shapes::Severity::Warning => Severity::Warning,
                        shapes::Severity::Critical => Severity::Critical,
                    },
                    text: finding.text,
                });
                output::findings(found, rows, reasons, first, findings)
                    .inspect_err(|_| instance.discard())
            },
            |rows| faulted.push(rows),
        );
        out
    }
}
