"""GB 32100 credit codes: worked examples, the codes before them, and what must be caught."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from features.records.credit_code import (
    ALPHABET,
    CodeKind,
    check_character,
    classify,
    explain,
    normalise,
    organisation_check_character,
)

#: The worked examples of the standard and of public files: code, weighted sum, sum modulo 31.
WORKED = (
    ("91350100M000100Y43", 1640, 28),
    ("91512081MA62K0260E", 1505, 17),
    ("9144030071526726XG", 1782, 15),
    ("9152000071430580XT", 1431, 5),
    ("92510100MA61WJ3204", 1732, 27),
    ("51610700305332460K", 787, 12),
    ("11330283002982634F", 884, 16),
)

first_17 = st.text(ALPHABET, min_size=17, max_size=17)


def kind_of(code: str | None) -> CodeKind:
    return CodeKind(classify(normalise(pd.Series([code], dtype="string"))).iloc[0])


@pytest.mark.parametrize(("code", "total", "remainder"), WORKED)
def test_worked_examples(code: str, total: int, remainder: int) -> None:
    # The sum by the standard's own table of weights, not by powers of three.
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    assert sum(ALPHABET.index(c) * w for c, w in zip(code[:17], weights, strict=True)) == total
    assert total % 31 == remainder
    assert check_character(code[:17]) == ALPHABET[(31 - remainder) % 31] == code[17]
    assert kind_of(code) is CodeKind.VALID
    assert organisation_check_character(code[8:16]) == code[16]


def test_check_value_31_is_written_as_zero() -> None:
    assert check_character("0" * 17) == "0"
    assert kind_of("0" * 18) is CodeKind.VALID


def test_invalid_code_that_circulates_as_valid() -> None:
    assert kind_of("91310115MA1G4L1WXK") is CodeKind.WRONG_CHECK
    assert explain("91310115MA1G4L1WXK") == "check character 'K' is wrong, expected '7'"


def test_the_standards_invalid_twin_has_a_letter_outside_the_alphabet() -> None:
    assert kind_of("91350100M000100Y4Z") is CodeKind.MALFORMED


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("110108001234567", CodeKind.LEGACY_REGISTRATION),
        ("71526726X", CodeKind.LEGACY_ORGANISATION),
        ("71526726-X", CodeKind.LEGACY_ORGANISATION),
        ("715267260", CodeKind.MALFORMED),
        ("chicago:2516677", CodeKind.LOCAL),
        ("san-francisco:10-a", CodeKind.LOCAL),
        (":2516677", CodeKind.MALFORMED),
        ("chicago:", CodeKind.MALFORMED),
        ("9135010:M000100Y43", CodeKind.MALFORMED),
        ("9135010", CodeKind.MALFORMED),
        ("91350100M000100Y430", CodeKind.MALFORMED),
        ("9135010OM000100Y43", CodeKind.MALFORMED),
        ("无", CodeKind.MALFORMED),
        ("九一三五〇一〇〇零零零一〇〇四三四三", CodeKind.MALFORMED),
        ("١١٠١٠٨٠٠١٢٣٤٥٦٧", CodeKind.MALFORMED),
        ("", CodeKind.MISSING),
        ("   ", CodeKind.MISSING),
        (None, CodeKind.MISSING),
    ],
)
def test_codes_of_other_generations_and_malformed_ones(code: str | None, kind: CodeKind) -> None:
    assert kind_of(code) is kind
    assert kind.identifies == (
        kind
        in {
            CodeKind.VALID,
            CodeKind.LEGACY_REGISTRATION,
            CodeKind.LEGACY_ORGANISATION,
            CodeKind.LOCAL,
        }
    )


def test_normalising_removes_blanks_and_full_width_and_keeps_the_case_of_local_keys() -> None:
    given_codes = pd.Series(
        [" 91350100m000100y43\t", "９１３５０１００Ｍ０００１００Ｙ４３", "toronto:Ab c", None]
    )
    assert normalise(given_codes).fillna("missing").tolist() == [
        "91350100M000100Y43",
        "91350100M000100Y43",
        "toronto:Abc",
        "missing",
    ]


def test_explaining_a_code_as_it_stood_in_the_file() -> None:
    assert explain(" 91310115 ma1g4l1wxk ") == "check character 'K' is wrong, expected '7'"
    assert explain("9131011") == f"7 characters; a credit code has 18, of {ALPHABET}"
    assert explain("110108001234567") == "legacy registration"


@pytest.mark.parametrize("text", ["", "9" * 16, "9" * 18])
def test_check_character_of_a_wrong_length(text: str) -> None:
    with pytest.raises(ValueError, match=f"expected 17 characters, got {len(text)}"):
        check_character(text)


def test_check_character_of_an_unknown_character() -> None:
    with pytest.raises(ValueError, match="'O1350100M000100Y4' has a character that is not one of"):
        check_character("O1350100M000100Y4")


@given(first_17)
@example("0" * 17)
def test_every_completed_code_is_valid(start: str) -> None:
    assert kind_of(start + check_character(start)) is CodeKind.VALID


@given(first_17, st.integers(0, 17), st.characters(codec="utf-8"))
def test_every_change_of_one_character_is_caught(start: str, place: int, character: str) -> None:
    # All weights are units modulo the prime 31, so no other character of the alphabet gives the same sum.
    code = start + check_character(start)
    changed = code[:place] + character + code[place + 1 :]
    same = normalise(pd.Series([changed])).iloc[0] == code
    kind = kind_of(changed)
    if same:
        assert kind is CodeKind.VALID
    elif character.upper() in ALPHABET and len(character.upper()) == 1:
        assert kind is CodeKind.WRONG_CHECK
    else:
        assert not kind.identifies or _is_local(changed)


def _is_local(text: str) -> bool:
    namespace, colon, key = text.partition(":")
    return bool(colon and key and len(namespace) > 1 and not any(c.isdigit() for c in namespace))


@given(first_17, st.integers(0, 16))
def test_two_neighbours_in_the_wrong_order_are_caught(start: str, place: int) -> None:
    # Neighbouring weights differ, so exchanging two different characters changes the sum.
    code = start + check_character(start)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    expected = CodeKind.VALID if swapped == code else CodeKind.WRONG_CHECK
    assert kind_of(swapped) is expected


@given(
    st.lists(
        st.one_of(
            st.text(st.characters(codec="utf-8"), max_size=20), first_17.map(lambda s: s + check_character(s))
        ),
        max_size=8,
    )
)
def test_any_text_is_classified_row_by_row(texts: list[str]) -> None:
    together = classify(normalise(pd.Series(texts, dtype="string", index=range(5, 5 + len(texts)))))
    assert together.index.tolist() == list(range(5, 5 + len(texts)))
    assert [CodeKind(kind) for kind in together] == [kind_of(text) for text in texts]
