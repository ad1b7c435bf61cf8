//! A view as JSON, or its rows as CSV that no spreadsheet takes for a formula.

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{api::Pairs, error::Error, format};

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON document.
    #[default]
    Json,
    /// Its rows, with a line of heads.
    Csv,
}

impl Form {
    /// Takes the parameter `format` out of `pairs`.
    pub(crate) fn take(mut pairs: Pairs) -> Result<(Self, Pairs), Error> {
        let mut form = None;
        for (_, value) in pairs.extract_if(.., |(key, value)| key == "format" && !value.is_empty())
        {
            if form.is_some() {
                return Err(Error::BadParameter("The parameter format is given twice.".to_owned()));
            }
            form = Some(match value.as_str() {
                "json" => Self::Json,
                "csv" => Self::Csv,
                _ => {
                    let value = format::shown(&value);
                    return Err(Error::BadParameter(format!(
                        "The parameter format cannot be \"{value}\": it is json or csv."
                    )));
                }
            });
        }
        Ok((form.unwrap_or_default(), pairs))
    }
}

/// `view` as it was asked for; `rows` are those of its list, and `name` is what a file of it is called.
pub(crate) fn answer<R: Serialize>(
    form: Form,
    name: &str,
    view: &impl Serialize,
    rows: &[R],
) -> Result<Response, Error> {
    if form == Form::Json {
        return Ok(Json(view).into_response());
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
    ];
    Ok((headers, csv(rows)?).into_response())
}

/// Rows as lines of values, under the names of their fields. Source: RFC 4180. Without rows there are no fields to name.
fn csv<R: Serialize>(rows: &[R]) -> Result<String, Error> {
    let mut out = String::new();
    for row in rows {
        let Value::Object(fields) = serde_json::to_value(row)? else { continue };
        if out.is_empty() {
            out.push_str(&line(fields.keys().map(|key| quoted(key))));
        }
        out.push_str(&line(values(&fields)));
    }
    Ok(out)
}

fn values(fields: &Map<String, Value>) -> impl Iterator<Item = String> {
    fields.values().map(|value| match value {
        Value::Null => String::new(),
        Value::String(text) => quoted(&harmless(text)),
        // No row has lists inside today; one that does is told as it is.
        other => quoted(&other.to_string()),
    })
}

fn line(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(",") + "\r\n"
}

/// `text` so that a spreadsheet shows it: nothing that acts, and no beginning of a formula. Source: OWASP, CSV Injection;
/// the wide forms are taken for formulas by some.
fn harmless(text: &str) -> String {
    let text = format::shown(text);
    let acts = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%', '\\'];
    if text.trim_start().starts_with(acts) { format!("'{text}") } else { text }
}

fn quoted(text: &str) -> String {
    let is_plain = !text.contains(['"', ',', ';', '\'', ' ']);
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Row<'a> {
        user: &'a str,
        count: i32,
        since: Option<&'a str>,
    }

    #[track_caller]
    fn check(user: &str, expected: &str) {
        let text = csv(&[Row { user, count: -1, since: None }]).unwrap();
        assert_eq!(text, format!("user,count,since\r\n{expected},-1,\r\n"));
    }

    #[test]
    fn nothing_in_a_cell_is_a_formula() {
        check("ann", "ann");
        check("=1+2", "\"'=1+2\"");
        check("  @SUM(A1)", "\"'  @SUM(A1)\"");
        check("\tx", "\"'\\x09x\"");
        check("\r\n=x", "\"'\\x0d\\x0a=x\"");
        check("a\"b,c", "\"a\"\"b,c\"");
        check("＝1", "\"'＝1\"");
    }

    #[test]
    fn no_rows_are_no_lines() {
        assert_eq!(csv::<Row<'_>>(&[]).unwrap(), "");
    }
}
