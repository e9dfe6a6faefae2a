"""A hook of MkDocs (mkdocs.yml): each row of a table of options has an address of its own."""
import re

PLACE = re.compile(r'<h2 id="(?P<heading>[^"]+)"|<td><code>:(?P<option>[a-z0-9-]+)</code></td>')


def on_page_content(html, page, **_):
    if not page.file.src_path.startswith('docs/api/'):
        return html
    heading, seen = '', set()

    def link(place):
        nonlocal heading
        if place['heading']:
            heading = place['heading']
            return place[0]
        name = f"{heading}-{place['option']}"
        if name in seen:
            return place[0]
        seen.add(name)
        return (f'<td id="{name}"><a href="#{name}" title="Permanent link">'
                f"<code>:{place['option']}</code></a></td>")

    return PLACE.sub(link, html)
