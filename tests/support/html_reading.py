"""What a browser makes of an HTML page: its tags, and the texts that a person reads."""

from html.parser import HTMLParser


class ReadPage(HTMLParser):
    """tags: the names of all elements.  texts: what stands between them and in their attributes, unescaped."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = set(), []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.texts += [value for _, value in attrs if value]

    def handle_data(self, data):
        self.texts.append(data)

    def shows(self, text):
        """Whether a text is there to be read, as it was given."""
        return any(text in one for one in self.texts)
