//! x
impl super::Kb { pub(crate) fn tick(&self, _now: jiff::Timestamp) -> crate::error::Result<usize> { Ok(0) } }
