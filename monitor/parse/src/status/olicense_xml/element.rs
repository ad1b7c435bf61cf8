//! The little of XML that a status answer needs: elements of some names, their parts, and five entities. No declarations are
//! read, so nothing can be included or expanded.

/// An element, from behind its name to before its end.
pub(super) struct Element<'a> {
    pub(super) name: &'a str,
    attributes: &'a str,
    inner: &'a str,
}

/// The elements of these names, none inside another.
pub(super) fn elements<'a>(
    text: &'a str,
    names: &'a [&'a str],
) -> impl Iterator<Item = Element<'a>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (_, from) = rest.split_once('<')?;
            rest = from;
            if let Some(name) = names.iter().find(|name| is_named(from, name)) {
                // Where one has no end, nothing is looked for behind it: a million of them would be a million searches.
                let (element, behind) = Element::begun(from, name)?;
                rest = behind;
                return Some(element);
            }
        }
    })
}

fn is_named(text: &str, name: &str) -> bool {
    let behind = text.strip_prefix(name).and_then(|rest| rest.chars().next());
    behind.is_some_and(|next| next == '>' || next == '/' || next.is_whitespace())
}

impl<'a> Element<'a> {
    /// The element that begins with its name here, and what is behind it.
    fn begun(text: &'a str, name: &'a str) -> Option<(Self, &'a str)> {
        let (attributes, rest) = text[name.len()..].split_once('>')?;
        if let Some(attributes) = attributes.strip_suffix('/') {
            return Some((Self { name, attributes, inner: "" }, rest));
        }
        let mut ends = rest.match_indices("</").map(|found| found.0);
        let end = ends.find(|&at| is_named(&rest[at + 2..], name))?;
        let behind = rest[end..].split_once('>').map_or("", |found| found.1);
        Some((Self { name, attributes, inner: &rest[..end] }, behind))
    }

    /// Its text.
    pub(super) fn text(&self) -> String {
        plain(self.inner.trim())
    }

    /// The element of that name inside it, or its attribute.
    pub(super) fn part(&self, name: &str) -> Option<String> {
        let inside = elements(self.inner, &[name]).next().map(|part| part.text());
        inside.or_else(|| self.attribute(name))
    }

    fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = self.attributes;
        while let Some((key, after)) = rest.split_once('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|first| matches!(first, '"' | '\''))?;
            let (value, behind) = after[1..].split_once(quote)?;
            if key.trim() == name {
                return Some(plain(value.trim()));
            }
            rest = behind;
        }
        None
    }
}

/// Text without entities. An unknown one stays as it is.
fn plain(text: &str) -> String {
    let known = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    known.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_elements_or_attributes() {
        let text = "<a><license name='x &amp;lt; y'><module> m </module></license><license name=\"z\"/></a>";
        let all: Vec<Element<'_>> = elements(text, &["license"]).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].part("name").as_deref(), Some("x &lt; y"));
        assert_eq!(all[0].part("module").as_deref(), Some("m"));
        assert_eq!(all[1].part("name").as_deref(), Some("z"));
        assert_eq!(all[1].part("module"), None);
    }

    #[test]
    fn name_that_only_begins_alike_is_another() {
        assert_eq!(
            elements("<licenses><licenser>x</licenser></licenses>", &["license"]).count(),
            0
        );
        assert_eq!(elements("<license><license", &["license"]).count(), 0);
    }
}
