//! How busy a feature is, in words and for the eye.

use lic_protocol::view::Feature;

use crate::format;

/// How busy a feature is, in words and for the eye.
pub(crate) struct Busy {
    /// Class of the badge.
    pub(crate) tone: &'static str,
    pub(crate) words: String,
    /// Percent of the seats in use; `None` where there is nothing to compare.
    pub(crate) percent: Option<u64>,
    /// Percent of the seats that are set aside and can be free: at the far end of the meter.
    pub(crate) reserved: u64,
}

impl Busy {
    pub(crate) fn of(feature: &Feature) -> Self {
        let percent = feature.in_use.zip(feature.issued).filter(|_| !feature.uncounted);
        let percent = percent.map(|(part, whole)| format::percent(part.into(), whole.into()));
        let (tone, words) = words_of(feature);
        let issued = feature.issued.unwrap_or(0);
        let reserved = format::percent(feature.reserved.unwrap_or(0).into(), issued.into());
        let reserved = reserved.min(100 - percent.unwrap_or(0));
        Self { tone, words, percent, reserved }
    }

    /// Class of the meter's bar.
    pub(crate) fn bar(&self) -> &'static str {
        match self.percent {
            Some(100..) => "full",
            Some(80..) => "high",
            _ => "calm",
        }
    }
}

/// Seats that nobody holds; `None` where it is not known, and where there is no limit.
pub(crate) fn free(feature: &Feature) -> Option<u32> {
    let known = feature.issued.zip(feature.in_use).filter(|_| !feature.uncounted);
    known.map(|(issued, in_use)| issued.saturating_sub(in_use))
}

fn words_of(feature: &Feature) -> (&'static str, String) {
    match (feature.in_use, feature.issued, feature.queued) {
        (None, _, _) => ("muted", "not visible".to_owned()),
        (_, _, Some(queued)) if queued > 0 => ("bad", format!("queue of {queued}")),
        (Some(_), _, _) if feature.uncounted => ("calm", "no limit".to_owned()),
        (Some(in_use), Some(issued), _) if in_use > issued => {
            ("bad", format!("{} over", in_use - issued))
        }
        (Some(in_use), Some(issued), _) if in_use == issued => ("warn", "full".to_owned()),
        (Some(in_use), Some(issued), _) => ("good", format!("{} free", issued - in_use)),
        (Some(0), None, _) => ("calm", "idle".to_owned()),
        (Some(_), None, _) => ("calm", "in use".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use lic_protocol::view::Source;

    use super::*;

    #[track_caller]
    fn check(in_use: Option<u32>, issued: Option<u32>, queued: Option<u32>, expected: &str) {
        let busy = Busy::of(&feature(in_use, issued, queued));
        assert_eq!(format!("{} {:?} {}", busy.words, busy.percent, busy.bar()), expected);
    }

    fn feature(in_use: Option<u32>, issued: Option<u32>, queued: Option<u32>) -> Feature {
        Feature {
            server: "catia".into(),
            system: "dsls".to_owned(),
            feature: "CAC".into(),
            version: None,
            vendor: None,
            issued,
            in_use,
            reserved: None,
            queued,
            sessions: in_use,
            unwrapped: None,
            expires: None,
            uncounted: false,
            as_of: None,
            source: Source::Log,
            mode: None,
        }
    }

    #[test]
    fn state_of_a_feature_in_words() {
        check(None, Some(3), None, "not visible None calm");
        check(Some(0), None, None, "idle None calm");
        check(Some(2), None, None, "in use None calm");
        check(Some(2), Some(10), None, "8 free Some(20) calm");
        check(Some(9), Some(10), Some(0), "1 free Some(90) high");
        check(Some(3), Some(3), Some(0), "full Some(100) full");
        check(Some(5), Some(3), Some(0), "2 over Some(100) full");
        check(Some(3), Some(3), Some(4), "queue of 4 Some(100) full");
    }
}
