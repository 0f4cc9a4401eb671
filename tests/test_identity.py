from steadycode.identity import code_hash


def test_a_code_hash_covers_what_it_names() -> None:
    assert code_hash("recode") != code_hash("sandbox")
    assert code_hash("recode") == code_hash("recode")
