//! HTTP without sockets: what came and what goes.

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'a> {
    /// `GET`, `POST`.
    pub method: &'a str,
    /// `/`, `/api`.
    pub path: &'a str,
    /// What stands behind the question mark, as it was sent.
    pub query: &'a str,
    /// Names in lower case, with their values, in the order in which they came.
    pub headers: &'a [(String, String)],
    /// The body as it was sent.
    pub body: &'a [u8],
}

impl HttpRequest<'_> {
    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Whether the body says that it is of this kind, whatever parameters follow.
    pub fn has_kind(&self, kind: &str) -> bool {
        let sent = self.header("content-type").and_then(|sent| sent.split(';').next());
        sent.is_some_and(|sent| sent.trim().eq_ignore_ascii_case(kind))
    }
}

/// An answer as it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`, to the letter: some clients compare it.
    pub content_type: &'static str,
    /// Headers besides, in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}
