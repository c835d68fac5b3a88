"""Search texts and the trees they give."""

from __future__ import annotations

import pytest

from jobstore.errors import InvalidQuery
from jobstore.search.grammar import Expression, Term, parse
from tests.fixtures.cases import each_case


def shown(expression: Expression | None) -> str:
    """The tree on one line: groups, then what is excluded."""
    if expression is None:
        return "nothing"

    def term(one: Term) -> str:
        star = "*" if one.prefix else ""
        return f"{one.field + ':' if one.field else ''}{'_'.join(one.words)}{star}"

    groups = [" | ".join(map(term, group)) for group in expression.required]
    return " & ".join([*groups, *("-" + term(one) for one in expression.excluded)])


@each_case(
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
        ("AND NOT NEAR", "and & -near"),
        ("数据 -工程", "数_据 & -工_程"),
    ],
)
def test_texts_parse(text: str, tree: str) -> None:
    assert shown(parse(text)) == tree


def noted(text: str) -> str:
    expression = parse(text)
    return " ".join(expression.notes) if expression else ""


# What people type who know another search language: what it is here, and a part of what is said.
LANGUAGES = [
    # AND between two terms is nothing new; elsewhere it is the word.
    ("python AND engineer", "python & engineer", "AND between words is not needed"),
    ("R AND D", "r & d", '"and" in quotation marks'),
    ("python AND (sql OR java)", "python & sql | java", "AND between"),
    ("python AND sql OR java", "python & sql | java", "OR binds tighter"),
    ("python AND -sql", "python & -sql", "AND between"),
    ("python AND NOT sql", "python & -sql", "NOT was read"),
    ("AND python", "and & python", None),
    ("python AND", "python & and", None),
    ("(python AND) sql", "python & and & sql", None),
    ("-python AND sql", "sql & -python", "AND between"),
    ("and", "and", None),
    ('python "AND" sql', "python & and & sql", None),
    ("title:AND python", "title:and & python", None),
    ("AND AND AND", "and", None),
    # NOT excludes.
    ("python NOT senior", "python & -senior", "NOT was read as an exclusion"),
    ("NOT senior", "-senior", "every other posting"),
    ('NOT "vice president" sales', "sales & -vice_president", "NOT"),
    ("python NOT (senior OR lead)", "python & -senior & -lead", "NOT"),
    ("python NOT (senior lead)", "python & -senior & -lead", "every word is excluded by itself"),
    ("python NOT title:senior", "python & -title:senior", "NOT"),
    ("python NOT -senior", "python & -senior", "NOT"),
    ("SQL NOT PHP", "sql & -php", "NOT"),
    ("NOT FOR PROFIT", "not & for & profit", None),
    ("DIRECTOR NOT FOR PROFIT", "director & not & for & profit", None),
    ("not-for-profit", "not_for_profit", None),
    ("Not For Profit", "not & for & profit", None),
    ("python NOT", "python & not", None),
    ("NOT", "not", None),
    ("NOT NOT", "not", None),
    # Small letters are words, and it is said what they are not.
    ("python or java", "python & or & java", "write OR in capitals"),
    ("python and java", "python & and & java", '"and" was read as a word'),
    ("python Not java", "python & not & java", "write -word"),
    ("or java", "or & java", None),
    ("java or", "java & or", None),
    # Signs for OR and for exclusions.
    ("python | java", "python | java", "| was read as OR"),
    ("python || java", "python | java", "| was read as OR"),
    ("python|java", "python | java", "| was read as OR"),
    ("title:python|java", "title:python | java", "| was read as OR"),
    ("a | b | c d", "a | b | c & d", "|"),
    ("| a |", "a", None),
    ("a || || b", "a | b", "|"),
    ("(a|b) (c|d)", "a | b & c | d", "|"),
    ("python ｜ java", "python | java", "|"),
    ("!senior", "-senior", "! was read as an exclusion"),
    ("python !senior", "python & -senior", "!"),
    ('python !"vice president"', "python & -vice_president", "!"),
    ("python !title:lead", "python & -title:lead", "!"),
    ("python title:!lead title:-head", "python & -title:lead & -title:head", "!"),
    ("Wanted! !!!Urgent! !", "wanted & urgent", None),
    ("+python +sql", "python & sql", None),
    ('+"data engineer" +title:lead', "data_engineer & title:lead", None),
    ("OR a", "or & a", "on both sides"),
    ("a OR", "a & or", "on both sides"),
    # Parentheses are groups.
    ("(a OR b) c", "a | b & c", None),
    ("a (b OR c) d", "a & b | c & d", None),
    ("a OR (b c)", "a | b & a | c", None),
    ("(a b) OR (c d)", "a | c & a | d & b | c & b | d", None),
    ("((a OR b) (c))", "a | b & c", None),
    ("(a OR (b (c OR d)))", "a | b & a | c | d", None),
    ("(a b) OR a", "a & b | a", None),
    ("a -(b)", "a & -b", None),
    ("a -(b OR c)", "a & -b & -c", None),
    ("(-a b)", "b & -a", None),
    ("a () b", "a & b", None),
    ("a OR () b", "a | b", None),
    ("(a OR b", "a | b", "parenthesis has no partner"),
    ("a) OR b", "a | b", "parenthesis has no partner"),
    ("Engineer (m/f/d)", "engineer & m_f_d", None),
    ("Verkäufer(in) f(x)", "verkaufer & in & f & x", None),
    # A field holds for a group.
    ("title:(python engineer)", "title:python & title:engineer", None),
    ("title:(a OR b) c", "title:a | title:b & c", None),
    ("TITLE:(a (b OR company:c))", "title:a & title:b | company:c", None),
    ('title:("data engineer" -lead)', "title:data_engineer & -title:lead", None),
    ("-title:(a b)", "-title:a & -title:b", "every word"),
    ("title:(a", "title:a", "parenthesis"),
    ("title:a OR (b c)", "title:a | b & title:a | c", None),
    ('company:"Acme"', "company:acme", None),
    ("title：engineer", "title:engineer", None),
    # Other fields are words.
    ("skill:python", "skill_python", 'no field "skill"'),
    ("titel:nurse", "titel_nurse", 'no field "titel"'),
    ("salary:>50000", "salary_50000", 'no field "salary"'),
    ("salary>50000", "salary_50000", 'no field "salary"'),
    ('skills:"machine learning"', "skills & machine_learning", 'no field "skills"'),
    ("skills:(a b)", "skills & a & b", 'no field "skills"'),
    ("title: x", "title & x", "without a space"),
    ("Wanted: nurse", "wanted & nurse", None),
    ("https://example.com 12:30", "https_example_com & 12_30", None),
    # Stars and other signs.
    ("*entwickler", "entwickler", "at the beginning"),
    ("*entwickler*", "entwickler*", "at the beginning"),
    ("title:*engineer", "title:engineer", "at the beginning"),
    ("dev*er", "dev_er", "only at the end"),
    ('"data * engineer"', "data_engineer", "only at the end"),
    ("data * engineer", "data & engineer", "without letters"),
    ("engin＊", "engin*", None),
    ("engin**", "engin*", None),
    ('"data engineer"~2', "data_engineer", "~ and ^"),
    ('"data eng"*^2', "data_eng*", "~ and ^"),
    ("python^2 java~ go~0.8", "python & java & go", "~ and ^"),
    ("python,java", "python_java", "comma"),
    ("1,000 a, b", "1_000 & a & b", None),
    ("python –senior", "python & senior", "long dash"),
    ("python – senior - x", "python & senior & x", None),
    # Quotation marks of any kind.
    ("“data engineer”", "data_engineer", None),
    ("„data engineer“ -«vice president»", "data_engineer & -vice_president", None),
    ("»data engineer« ‹a b›", "data_engineer & a_b", None),
    ("title:“data engineer”", "title:data_engineer", None),
    ("＂data engineer＂", "data_engineer", None),
    ('data "engineer lead', "data & engineer_lead", "no partner"),
    ('15" screen size', "15 & screen_size", "no partner"),
    ('data"', "data", None),
    ("don’t", "don_t", None),
    # Names, and what else they are.
    ("vue", "vue | vuejs", None),
    ("Vue.js", "vue_js | vuejs", None),
    ("VueJS", "vuejs | vue_js", None),
    ("node js", "node | nodejs & js | nodejs", None),
    ("foo js", "foo | foojs & js | foojs", None),
    ("title:node js", "title:node | title:nodejs & js", None),
    ("title:(node js)", "title:node | title:nodejs & title:js | title:nodejs", None),
    ('"node js developer"', "node_js_developer | nodejs_developer", None),
    ('"NodeJS developer"', "nodejs_developer | node_js_developer", None),
    ("-react", "-react & -reactjs", "Nothing but"),
    ("react OR vue", "react | reactjs | vue | vuejs", None),
    ("react*", "react*", None),
    ("nodej*", "nodej* | node_js", None),
    ("node.js*", "node_js* | nodejs*", None),
    (".net", "dotnet | dot_net", None),
    ("dot net", "dot | dotnet & net | dotnet", None),
    ("asp net", "asp | aspnet & net | dotnet | aspnet", None),
    ("ASP.NET", "asp_dotnet | asp_net | aspnet | asp_dot_net", None),
    ("aspnet", "aspnet | asp_dotnet | asp_net", None),
    ('"asp net"', "asp_net | asp_dotnet | aspnet", None),
    ("net", "net", None),
    ("c", "c", None),
    ("C++ C# F#", "cplusplus & csharp | c_sharp & fsharp | f_sharp", None),
    ("c sharp", "c | csharp & sharp | csharp", None),
    ("objective c", "objective | objectivec & c | objectivec", None),
    ("js", "js", None),
]


@each_case(("text", "tree", "note"), LANGUAGES)
def test_other_languages_are_understood_or_it_is_said_what_was(
    text: str, tree: str, note: str | None
) -> None:
    assert shown(parse(text)) == tree
    if note is None:
        assert noted(text) == ""
    else:
        assert note in noted(text)


def test_a_note_is_said_once() -> None:
    expression = parse("a AND b AND c | d | e !f !g")
    assert expression is not None
    assert len(expression.notes) == 3


def test_other_spellings_cost_no_more_than_what_may_be_written() -> None:
    few, many = (parse(" ".join(f'"asp.net a{n}"' for n in range(size))) for size in (4, 32))
    assert few is not None
    assert many is not None
    assert {len(group) for group in few.required} == {4}
    assert {len(group) for group in many.required} == {1}


def test_parentheses_are_multiplied_out_within_bounds() -> None:
    with pytest.raises(InvalidQuery, match="32 words"):
        parse(" OR ".join(f"(a{n} b{n})" for n in range(40)))
    with pytest.raises(InvalidQuery, match="32 words"):
        parse("(a b c d e f) OR (g h i j k l)")
    assert shown(parse("(" * 400 + "a" + ")" * 400)) == "a"
    assert shown(parse("title:(" * 100 + "a")) == "title:a"


@each_case(
    ("text", "reason"),
    [
        ("***", "no word"),
        ('""', "no word"),
        ("- & ( )", "no word"),
        ("🚀", "no word"),
        ("\ue000a", None),
        ("\ue000", "no word"),
        ("a OR -b", "beside OR"),
        ("a OR NOT b", "beside OR"),
        ("a | !b", "beside OR"),
        ("a OR (b -c)", "beside OR"),
        ("(a -b) OR c", "beside OR"),
        ("(-a) OR c", "beside OR"),
        ("-(a -b)", "excludes something itself"),
        ("* ( | ) !", "no word"),
        ("title:()", "no word"),
        ("-(-a)", "excludes something itself"),
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
