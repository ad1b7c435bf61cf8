//! Which column of a foreign table is what, by its name. No statement runs here.

const TIMES: &[&str] = &[
    "starttime",
    "startedat",
    "started",
    "start",
    "timestamp",
    "datetime",
    "eventtime",
    "time",
    "grantedat",
    "granttime",
    "createdat",
    "loggedat",
    "date",
];
const ENDS: &[&str] = &[
    "endtime",
    "endedat",
    "ended",
    "end",
    "stoptime",
    "releasedat",
    "releasetime",
    "detachedat",
    "detachtime",
    "closedat",
];
const ACTIONS: &[&str] = &["action", "eventtype", "event", "type", "status"];
const FEATURES: &[&str] = &[
    "feature",
    "featurename",
    "product",
    "productname",
    "license",
    "licensename",
    "module",
    "application",
];
const USERS: &[&str] = &["user", "username", "login"];
const HOSTS: &[&str] =
    &["host", "hostname", "computer", "computername", "machine", "machinename", "workstation"];

/// The columns of a table that are read, under their own names.
pub(super) struct Columns<'a> {
    time: &'a str,
    end: Option<&'a str>,
    action: Option<&'a str>,
    feature: &'a str,
    user: &'a str,
    host: Option<&'a str>,
}

impl<'a> Columns<'a> {
    /// Finds the columns; fails with what there is no column for. Case, spaces and underscores in names do not matter. Where
    /// several would do, the earlier word of the list is taken: the start of a session before the time of its row.
    pub(super) fn of(names: &'a [String]) -> Result<Self, &'static str> {
        let find = |words: &[&str]| {
            words
                .iter()
                .find_map(|word| names.iter().find(|name| plain(name) == *word))
                .map(String::as_str)
        };
        Ok(Self {
            time: find(TIMES).ok_or("the time")?,
            end: find(ENDS),
            action: find(ACTIONS),
            feature: find(FEATURES).ok_or("the feature")?,
            user: find(USERS).ok_or("the user")?,
            host: find(HOSTS),
        })
    }

    /// The columns as SQL, in the order time, end, action, feature, user, host; null for one that is not there.
    pub(super) fn sql(&self) -> String {
        let columns = [
            Some(self.time),
            self.end,
            self.action,
            Some(self.feature),
            Some(self.user),
            self.host,
        ];
        columns.map(|name| name.map_or("null".to_owned(), quoted)).join(", ")
    }

    /// 0 where rows say what happened, 1 where they are sessions, 2 where they only say what is so.
    pub(super) fn rank(&self) -> u8 {
        match (self.action, self.end) {
            (Some(_), _) => 0,
            (None, Some(_)) => 1,
            (None, None) => 2,
        }
    }
}

/// A name as SQL takes it, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_alphanumeric())
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &str, expected: Result<&str, &str>) {
        let names: Vec<String> = names.split(',').map(str::to_owned).collect();
        assert_eq!(
            Columns::of(&names).map(|columns| columns.sql()).as_deref().map_err(|part| *part),
            expected
        );
    }

    #[test]
    fn columns_are_known_by_their_names() {
        check(
            "id,timestamp,action,feature,user,host",
            Ok(r#""timestamp", null, "action", "feature", "user", "host""#),
        );
        check(
            "User Name,LICENSE_NAME,start_time,timestamp,end_time",
            Ok(r#""start_time", "end_time", null, "LICENSE_NAME", "User Name", null"#),
        );
        check(r#"da"y,user,module,date"#, Ok(r#""date", null, null, "module", "user", null"#));
    }

    #[test]
    fn missing_column_is_named() {
        check("feature,user", Err("the time"));
        check("time,user", Err("the feature"));
        check("time,feature", Err("the user"));
    }

    #[test]
    fn name_with_a_quote_stays_a_name() {
        assert_eq!(quoted(r#"a"b"#), r#""a""b""#);
    }
}
