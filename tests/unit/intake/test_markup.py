"""What a text says once its markup is gone."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from jobstore.intake.markup import plain_line, plain_text
from tests.fixtures.cases import each_case

# Texts in which nothing is markup, though it may look like it.
WORDS = [
    "",
    " ",
    "Data engineer",
    "One line.\nAnother one.\r\n\r\n\tA third one.",
    "a < b and b > a",
    "if (x<y && y>z) return",
    "x <= 5, y<3, 2 <3> 4",
    "List<String>, Map<K, V>, Set<B>, Vector<I>, C<T>",
    "Hello <your name>, welcome to <company>",
    "Apply as <title> at <company> with the <data set>",
    "<T extends Comparable>",
    "std::vector<int> and unordered_map<std::string, int>",
    "R&D, AT&T, Q&A; S&P; Johnson&Johnson",
    "https://a.example/?a=1&copy=2&lt=3&region=4&ampere=5",
    "&foo; & &; &#; &#x;",
    "<3 and ->, <-, <=>, <>",
    r"C:\Users\me, C:\.ssh and \\server\share",
    r"^\d+\.\d+$ and \w+\.\w+",
    "**bold**, _italics_, [a link](https://a.example/) and `code`",
    "# A heading\n\n* one\n* two\n\n1. first",
    "München, Zürich, São Paulo, 東京, ניו יורק, Москва, 🎉",
    "می\u200cخواهم",
    "👩\u200d💻 and 🏳️\u200d🌈",
    "mail me <jane.doe@a.example>",
    "<https://a.example/jobs>",
]


@each_case("text", WORDS)
def test_words_are_no_markup(text: str) -> None:
    assert plain_text(text) is text
    assert plain_line(text) == " ".join(text.split())


@each_case(
    ("text", "plain"),
    [
        # Inline tags leave no trace, others part words and lines.
        ("<b>Data</b> engineer", "Data engineer"),
        ("<p><strong>Data</strong> engineer", "Data engineer"),
        ("Dev<b>Ops</b>, <i>C</i>++", "DevOps, C++"),
        ('<SPAN STYLE="x">Data</SPAN> <EM>engineer</EM>', "Data engineer"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<P>One<P>Two", "One\n\nTwo"),
        ("<div>One</div><div>Two</div>Three", "One\nTwo\nThree"),
        ("<div><div><div>One</div></div></div>\n\n<div> Two </div>", "One\nTwo"),
        ("One<br>Two<br/>Three<BR />Four", "One\nTwo\nThree\nFour"),
        ("One<br><br>Two<br>\n<br>\nThree", "One\n\nTwo\n\nThree"),
        ("<p>One<br>\nTwo</p>", "One\nTwo"),
        ("<h2>You</h2><ul><li>Python</li><li>SQL</li></ul>Us", "You\n- Python\n- SQL\n\nUs"),
        ("<ul>\n<li><p>One</p></li>\n<li><p>Two</p></li>\n</ul>", "- One\n- Two"),
        ("<ol><li>One<ul><li>Two</li></ul></li><li>Three</ol>", "- One\n- Two\n- Three"),
        ("<ul><li></li><li>One</li><li></li></ul>", "- One"),
        ("<ul><li></li></ul><p>One</p>", "One"),
        ("<table><tr><td>a<td>b</tr><tr><th>c</th><td>d</td></tr></table>", "a b\nc d"),
        ("<dl><dt>Pay</dt><dd>Good</dd></dl>", "Pay\nGood"),
        ("<select><option>One<option>Two</option></select>", "One\nTwo"),
        ("<p>One\n   two\tthree</p>", "One two three"),
        ("<p>Code:</p><pre>a = 1\nb = 2\n</pre>", "Code:\n\na = 1\nb = 2"),
        ("One<hr>Two<p/>Three", "One\n\nTwo\n\nThree"),
        # A text whose markup makes no lines keeps its own.
        ("One &amp; two\n\n* three\n* <b>four</b>", "One & two\n\n* three\n* four"),
        ("<b>One</b>\ntwo", "One\ntwo"),
        # What is not shown.
        ("<style>p { color: red }</style><p>One</p>", "One"),
        ('<script type="x">if (a<b) alert("</p>")</script>One', "One"),
        ("One<script>alert(1)</script >Two", "OneTwo"),
        ("<template><p>Hidden</p></template>One", "One"),
        ("<noscript>Please enable it</noscript>One", "One"),
        ("<html><head><title>Jobs</title></head><body><p>One</p></body></html>", "One"),
        ("<svg><title>Logo</title><path d='M0'/></svg>One", "One"),
        ("One<!-- <p>hidden</p> -->, two<!---->", "One, two"),
        ("One<!-->, two<!--->, <b>three</b>", "One, two, three"),
        ("<!--[if mso]><p>Word</p><![endif]-->One<![endif]>", "One"),
        ('<!DOCTYPE html><?xml version="1.0"?><p>One</p>', "One"),
        ("<![CDATA[<p>One &amp; two</p>]]>", "One & two"),
        ("<p>One<![CDATA[, two]]></p>", "One, two"),
        # Attributes.
        ('<a href="https://a.example/?a=1&amp;b=2" title="a > b">Apply</a> now', "Apply now"),
        ("<p class='a' data-x=\"<b>\" hidden>One</p>", "One"),
        ("<td nowrap>One</td>", "One"),
        ("<p\n  class=x\n>One</p>", "One"),
        (r"<p>One<\/p><p>two<\/p>", "One\n\ntwo"),
        # Unusual elements.
        ("<o:p></o:p>One<o:p/>", "One"),
        ("<my-card>One</my-card>", "One"),
        ("<code>x</code>, <q>y</q>, <a>z</a>", "x, y, z"),
        ("<p>Use List<String> &amp; ask <your name></p>", "Use List<String> & ask <your name>"),
        ("<p>1 < 2 & 3 > 2, x<y</p>", "1 < 2 & 3 > 2, x<y"),
        # What never ends hides nothing.
        ("One <script>two", "One <script>two"),
        ("<p>One <!-- two</p>", "One <!-- two"),
        ("<p>One <b>two", "One two"),
        ("</p>One</div>", "One"),
        # Entities.
        ("M&uuml;nchen, C&#43;&#43;, C&#x23;", "München, C++, C#"),
        ("machine&nbsp;learning&nbsp", "machine learning "),
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        ("R&AMP;D, &QUOT;x&quot;, &apos;y&#39;", "R&D, \"x\", 'y'"),
        ("1&#150;2 &#8211; 3 &ndash; 4", "1–2 – 3 – 4"),
        ("<p>AT&T and ?a=1&copy=2 &notify</p>", "AT&T and ?a=1&copy=2 &notify"),
        ("&#0;&#xD800;&#x110000;".replace("x11", "x10"), "��\U00100000"),
        # Escaped twice, or thrice.
        ("&lt;p&gt;One &amp;amp; two&lt;/p&gt;", "One & two"),
        ("&lt;p&gt;One, and no end", "One, and no end"),
        ("&amp;lt;ul&amp;gt;&amp;lt;li&amp;gt;One&amp;lt;/li&amp;gt;&amp;lt;/ul&amp;gt;", "- One"),
        ("One&amp;nbsp;two, C&amp;#43;&amp;#43;", "One two, C++"),
        (
            "<div>&lt;p class=&quot;x&quot;&gt;One&lt;/p&gt;&lt;p&gt;Two&lt;/p&gt;</div>",
            "One\n\nTwo",
        ),
        # ... which is not what a text does that speaks of tags.
        ("<p>You know &lt;div&gt; and &lt;table&gt;</p>", "You know <div> and <table>"),
        ("A List&lt;String&gt; &amp; more", "A List<String> & more"),
        # Escapes of Markdown.
        (r"Strong C\+\+ and C\#, full\-time", "Strong C++ and C#, full-time"),
        (r"\* one\_two \(three\) 4\. \[five\] \~6", "* one_two (three) 4. [five] ~6"),
        (r"**Node\.js** & \<b\> ASP\.NET", "**Node.js** & <b> ASP.NET"),
        (r"<p>C\+\+</p>", "C++"),
        (r"user\\-made, R\\&D, C\\+\\+", "user-made, R&D, C++"),
        (r"\(C:\\dev\\) \\uD83E \\server\share", r"\(C:\\dev\\) \\uD83E \\server\share"),
        (r"C\+\+ in C:\dev or \d\+", r"C++ in C:\dev or \d\+"),
        # Characters that nobody sees, and controls.
        ("Data\xad\u200b\u2060\ufeff engin\u200deer", "Data engineer"),
        ("\ufeffOne \u202eowT\u202c \u2067x\u2069", "One owT x"),
        ("One\x00 \x07two\x7f\x1b[0m", "One two[0m"),
        ("One\x0cTwo\x0bThree\u2028Four", "One\nTwo\nThree\nFour"),
        ("It\x92s 1\x962 \x93x\x94\x81", "It’s 1–2 “x”"),
        ("One\ud800 two\udfff", "One two"),
        ("&shy;One&#8203;&zwnj; two&#7;", "One two"),
        ("<p>One\x00</p>\u200e<p>שלום &#8207;<b>עולם</b></p>", "One\n\nשלום עולם"),
    ],
)
def test_plain_text(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize(
    "text", ["<p></p>", "<br>", "&nbsp;", "<!-- only this -->", "<ul><li></ul>"]
)
def test_a_text_without_words_becomes_empty(text: str) -> None:
    assert plain_text(text).strip() == ""


@each_case(
    ("text", "plain"),
    [
        ("Data Engineer &amp; Analyst <b>(m/w/d)</b>", "Data Engineer & Analyst (m/w/d)"),
        ("Data&nbsp;Engineer<br>Berlin", "Data Engineer Berlin"),
        ("<p>Data Engineer</p><p>Berlin</p>", "Data Engineer Berlin"),
        ("<script>alert(1)</script>Dev", "Dev"),
        ("Dev<script>alert(1)</script>Ops", "DevOps"),
        ("C<T>", "C<T>"),
        ("Dev<b>Ops</b>", "DevOps"),
        ("Research &amp;amp; Development", "Research & Development"),
        ("&lt;b&gt;Engineer&lt;/b&gt;", "Engineer"),
        (r"C\+\+ \/ C\# Developer", "C++ / C# Developer"),
        ("  Data \t\n Engineer\xa0 (all)\u2028 ", "Data Engineer (all)"),
        ("Engi\u00adneer\u200b\x00", "Engineer"),
        ("Engineer \x96 Berlin", "Engineer – Berlin"),
        ("<table><tr><td>Data</td><td>Engineer</td></tr></table>", "Data Engineer"),
        # Never empty where there were words, and empty where there were none.
        ("<script>Engineer</script>", "Engineer"),
        ("<title>Engineer</title>", "Engineer"),
        ("<b></b>", ""),
        ("<!-- Engineer -->", ""),
        ("&nbsp;", ""),
        ("\u200b", ""),
    ],
)
def test_plain_line(text: str, plain: str) -> None:
    assert plain_line(text) == plain


BOMBS = {
    "opened": "<div>" * 1_000_000,
    "opened and closed": "<b>" * 20_000 + "</b>" * 20_000,
    "crossed": "<span>" * 20_000 + "</b>" * 20_000,
    "open once more": "".join(f"<b a={n}>" for n in range(10_000)) + "<p>x</p>" * 10_000,
    "one of many attributes": "<b " + " ".join(f"a{n}=1" for n in range(40_000)) + ">x",
    "one of a long attribute": "<b a='" + "x" * 2_000_000 + "'>x</b>",
    "never ending": "<b " * 60_000,
    "quoted": "<b a=\"'" * 60_000,
    "comments": "<!--" * 60_000,
    "declarations": "<!doctype " * 40_000,
    "scripts": "<script>" * 40_000 + "</script>",
    "templates": "<template>" * 20_000 + "</template>" * 20_000,
    "sections": "<![CDATA[" * 40_000,
    "angles": "<" * 1_000_000,
    "ampersands": "&" * 1_000_000,
    "escaped often": "&" + "amp;" * 60_000,
    "escaped tags": "&lt;b&gt;" * 110_000,
    "backslashes": "\\" * 1_000_000,
    "one long word": "a" * 1_000_000 + "\\+",
    "joiners": "\u200d" * 100_000,
    "cells": "<td> " * 40_000,
    "spaces": "<p>" + " " * 2_000_000 + "x",
    "closed": "</p>" * 60_000,
}


@each_case("name", BOMBS)
def test_a_bomb_is_read_in_the_time_of_its_length(name: str) -> None:
    """What grows with the square would take hours and gigabytes, not a second."""
    bomb = BOMBS[name]
    assert len(plain_text(bomb)) <= len(bomb)
    assert len(plain_line(bomb)) <= len(bomb)


def test_any_rubbish_is_read() -> None:
    pieces = (
        "< > </ <b> </b> <p a=\" ' <!-- --> <![CDATA[ ]]> & &lt; &#; \\ \\+ x \n \x00 \ud800 é"
        " <pre> <li> </li> <script> </script> <td> = / \u200d 🎉 &amp;lt;p&amp;gt;"
    )
    chosen = random.Random(1)
    for _ in range(3_000):
        text = "".join(chosen.choices([*pieces.split(" "), " "], k=chosen.randint(1, 30)))
        found = plain_text(text)
        found.encode()
        assert not set(found) & set(map(chr, (*range(9), 11, 12, *range(14, 32), 127)))
        line = plain_line(text)
        assert line == " ".join(line.split())


def test_what_reads_markup_is_imported_for_the_first_text_with_some() -> None:
    program = (
        "import sys, jobstore\n"
        "from jobstore.intake.markup import plain_text\n"
        "plain_text('Data engineer')\n"
        "print({'lxml', 'jobstore.intake.tags'} & set(sys.modules))\n"
        "plain_text('R&amp;D')\n"
        "print('lxml' in sys.modules)\n"
        "plain_text('<b>R</b>')\n"
        "print('lxml' in sys.modules)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.split("\n")[:3] == ["set()", "False", "True"]
