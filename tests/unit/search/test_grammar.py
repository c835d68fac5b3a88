"""Search texts and the trees they give."""

from __future__ import annotations

import pytest

from jobstore.errors import InvalidQuery
from jobstore.search.grammar import Expression, Term, parse


def shown(expression: Expression | None) -> str:
    """The tree on one line: groups, then what is excluded."""
    if expression is None:
        return "nothing"

    def term(one: Term) -> str:
        star = "*" if one.prefix else ""
        return f"{one.field + ':' if one.field else ''}{'_'.join(one.words)}{star}"

    groups = [" | ".join(map(term, group)) for group in expression.required]
    return " & ".join([*groups, *("-" + term(one) for one in expression.excluded)])


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", "nothing"),
        (" \t\n ", "nothing"),
        ("data engineer", "data & engineer"),
        ('"data engineer" -senior', "data_engineer & -senior"),
        ("a b OR c d", "a & b | c & d"),
        ("a OR b OR c", "a | b | c"),
        ("(a OR b) (c)", "a | b & c"),
        ("a OR a b b -c -c", "a & b & -c"),
        ("Eng* dev-op*", "eng* & dev_op*"),
        ('"data eng"* "data eng*"', "data_eng*"),
        ("C++* R", "cplusplus* & r"),
        ("dev-ops O'Brien AT&T", "dev_ops & o_brien & at_t"),
        ("title:Engineer COMPANY:acme", "title:engineer & company:acme"),
        ('title:"data engineer" location:ber*', "title:data_engineer & location:ber*"),
        ('-title:x -company:"a b" -location:ber*', "-title:x & -company:a_b & -location:ber*"),
        ("-senior", "-senior"),
        ("--a - b", "b & -a"),
        ("title: x", "title & x"),
        ("skills:python http://x.y", "skills_python & http_x_y"),
        ("Portland, OR", "portland & or"),
        ("OR a", "or & a"),
        ("a or b", "a & or & b"),
        ("a OR OR", "a | or"),
        ("-a OR", "or & -a"),
        ("a OR *** OR b", "a | or & b"),
        ('unclosed "data engineer', "unclosed & data_engineer"),
        ('a"b c"d', "a & b_c & d"),
        ("R & D", "r & d"),
        ('*** a "" -*', "a"),
        ("AND NOT NEAR", "and & not & near"),
        ("数据 -工程", "数_据 & -工_程"),
    ],
)
def test_texts_parse(text: str, tree: str) -> None:
    assert shown(parse(text)) == tree


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("***", "no word"),
        ('""', "no word"),
        ("- & ( )", "no word"),
        ("🚀", "no word"),
        ("\ue000a", None),
        ("\ue000", "no word"),
        ("a OR -b", "beside OR"),
        ("-a OR b", "beside OR"),
        ("x" * 1001, "1,000 characters"),
        (" ".join(f"w{n}" for n in range(33)), "32 words"),
        (" OR ".join(f"w{n}" for n in range(33)), "32 words"),
        (" ".join(f"w{n}" for n in range(32)), None),
        ('"' + "a " * 33 + 'b"', "more than 32 times"),
        ("東" * 33, "more than 32 times"),
        (" ".join(f'"a{n} ß ss"' for n in range(17)), "more than 32 times"),
        ('-"' + "a " * 33 + '" b', "more than 32 times"),
        ('"' + "a " * 32 + 'b"', None),
        ("a " * 33, None),
    ],
)
def test_texts_that_cannot_be_answered_say_why(text: str, reason: str | None) -> None:
    if reason is None:
        assert parse(text)
        return
    with pytest.raises(InvalidQuery, match=reason) as caught:
        parse(text)
    assert [fault.field for fault in caught.value.faults] == ["text"]
