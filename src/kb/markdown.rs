//! How an article's Markdown becomes HTML that is safe to show.
//!
//! Invariant: HTML written in an article is shown as text, never passed on; links go to http, https or mailto only.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

/// Renders Markdown as safe HTML.
pub fn to_html(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let events = Parser::new_ext(markdown, options).map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: safe(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: safe(dest_url), title, id })
        }
        other => other,
    });
    let mut out = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut out, events);
    out
}

fn safe(url: CowStr<'_>) -> CowStr<'_> {
    let lower = url.trim().to_ascii_lowercase();
    let relative = !lower.contains(':') || lower.starts_with('#') || lower.starts_with('/');
    let allowed = ["http://", "https://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme));
    if relative || allowed { url } else { CowStr::Borrowed("#") }
}

#[cfg(test)]
mod tests {
    use super::to_html;

    #[test]
    fn html_in_an_article_is_shown_as_text() {
        assert_eq!(to_html("a <script>x</script>"), "<p>a &lt;script&gt;x&lt;/script&gt;</p>\n");
    }

    #[test]
    fn a_link_cannot_run_code() {
        assert_eq!(to_html("[x](javascript:alert(1))"), "<p><a href=\"#\">x</a></p>\n");
        assert_eq!(to_html("[x](https://a.example/b)"), "<p><a href=\"https://a.example/b\">x</a></p>\n");
    }
}
