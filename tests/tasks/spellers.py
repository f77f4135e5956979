"""Cardinal numbers below 10^12 in words, written from the grammars, to check num2words by."""


def _words(text: str) -> list[str]:
    return text.split()


_EN_ONES = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_EN_TENS = _words("_ _ twenty thirty forty fifty sixty seventy eighty ninety")


def english(number: int) -> str:
    def below_1000(n: int) -> str:
        if n < 20:
            return _EN_ONES[n]
        if n < 100:
            return _EN_TENS[n // 10] + (f"-{_EN_ONES[n % 10]}" if n % 10 else "")
        rest = f" and {below_1000(n % 100)}" if n % 100 else ""
        return f"{_EN_ONES[n // 100]} hundred{rest}"

    if number < 1000:
        return below_1000(number)
    groups = []
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand")):
        if number >= size:
            groups.append(f"{below_1000(number // size)} {name}")
            number %= size
    text = ", ".join(groups)
    if number == 0:
        return text
    return f"{text} and {english(number)}" if number < 100 else f"{text}, {english(number)}"


_DE_ONES = _words(
    "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn "
    "fünfzehn sechzehn siebzehn achtzehn neunzehn"
)
_DE_TENS = _words("_ _ zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")


def german(number: int) -> str:
    def joined(n: int) -> str:
        """Below a million, one word; a final 1 without its s."""
        if n >= 1000:
            return joined(n // 1000) + "tausend" + (joined(n % 1000) if n % 1000 else "")
        if n >= 100:
            return _DE_ONES[n // 100] + "hundert" + (joined(n % 100) if n % 100 else "")
        if n < 20:
            return _DE_ONES[n]
        ones = f"{_DE_ONES[n % 10]}und" if n % 10 else ""
        return ones + _DE_TENS[n // 10]

    words = []
    for size, one, many in (
        (10**9, "Milliarde", "Milliarden"),
        (10**6, "Million", "Millionen"),
    ):
        count, number = divmod(number, size) if number >= size else (0, number)
        if count:
            ending = "e" if count % 100 == 1 else ""
            words.append(f"{joined(count)}{ending} {one if count == 1 else many}")
    if number or not words:
        words.append(joined(number) + ("s" if number % 100 == 1 else ""))
    return " ".join(words)


_FR_ONES = _words(
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze "
    "quinze seize dix-sept dix-huit dix-neuf"
)
_FR_TENS = _words("_ _ vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt")


def french(number: int) -> str:
    def below_100(n: int) -> str:
        if n < 20:
            return _FR_ONES[n]
        tens = n // 10
        ones = n % 10 + (10 if tens in (7, 9) else 0)
        if ones == 0:
            return _FR_TENS[tens] + ("s" if n == 80 else "")
        if ones in (1, 11) and tens < 8:
            return f"{_FR_TENS[tens]} et {_FR_ONES[ones]}"
        return f"{_FR_TENS[tens]}-{_FR_ONES[ones]}"

    def below_1000(n: int, *, before_mille: bool = False) -> str:
        """The s of cents and quatre-vingts falls before mille, which is no noun."""
        hundreds, rest = divmod(n, 100)
        words = []
        if hundreds:
            plural = "s" if hundreds > 1 and not rest and not before_mille else ""
            words += ([_FR_ONES[hundreds]] if hundreds > 1 else []) + [f"cent{plural}"]
        if rest or not hundreds:
            text = below_100(rest)
            words.append(text.removesuffix("s") if before_mille and rest == 80 else text)
        return " ".join(words)

    words = []
    for size, noun in ((10**9, "milliard"), (10**6, "million")):
        count, number = divmod(number, size)
        if count:
            words.append(f"{below_1000(count)} {noun}{'s' if count > 1 else ''}")
    thousands, number = divmod(number, 1000)
    if thousands:
        words.append(
            "mille" if thousands == 1 else f"{below_1000(thousands, before_mille=True)} mille"
        )
    if number or not words:
        words.append(below_1000(number))
    return " ".join(words)
