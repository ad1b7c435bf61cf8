//! The smallest client that can ask licdash: one GET on one connection. HTTP/1.1, RFC 9112.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Longer than any answer should take.
const ANSWER: Duration = Duration::from_secs(10);

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header lines as they came.
    pub headers: String,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The value of a header, named in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.headers.lines().filter_map(|line| line.split_once(':'));
        lines
            .map(|(key, value)| (key, value.trim()))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// Asks for `path` by the address itself.
///
/// # Errors
/// When nobody answers, or not in HTTP.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    get_as(address, &address.to_string(), path)
}

/// Asks for `path` with another `Host`.
///
/// # Errors
/// When nobody answers, or not in HTTP.
pub fn get_as(address: SocketAddr, host: &str, path: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    answer(&text).ok_or_else(|| io::Error::other(format!("no HTTP answer: {text}")))
}

fn answer(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (first, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = first.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer { status, headers: headers.to_owned(), body: body.to_owned() };
    if answer.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        answer.body = joined(body)?;
    }
    Some(answer)
}

/// The chunks of a body, put together.
fn joined(mut body: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (size, rest) = body.split_once("\r\n")?;
        match usize::from_str_radix(size.trim(), 16).ok()? {
            0 => return Some(whole),
            size => {
                whole.push_str(rest.get(..size)?);
                body = rest.get(size + 2..)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_and_chunked_bodies() {
        let whole = answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        assert_eq!(
            (whole.status, whole.body.as_str(), whole.header("content-length")),
            (200, "hi", Some("2"))
        );
        let chunked =
            "HTTP/1.1 421 X\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n";
        let chunked = answer(chunked).unwrap();
        assert_eq!((chunked.status, chunked.body.as_str()), (421, "hi!"));
    }
}
