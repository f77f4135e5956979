"""The most frequent function words of some languages, to tell one from another."""

_LISTS = {
    "en": "the of and to in is that it was for you he with on be i this not are have what",
    "de": "der die und in das den von zu ist mit sich nicht ein eine auf ich sie es dem er",
    "fr": "le la les de des et un une est que je il pas vous dans pour qui ne à du ce",
    "es": "el la los las de y que en un una es por con no para su se lo al del",
    "it": "il la di e che un una è per non con del della sono mi si gli le più ha",
    "pt": "o a os de e que um uma é não do da em para com se no na eu mais",
    "nl": "de het een en van ik is dat niet in te op je zijn met voor die er hij aan",
    "sv": "och att det i en jag är som på inte av för med den till har du ett han vi",
    "da": "og det i at en jeg er til på af ikke for med der den har de et du han",
    "no": "og det i å en jeg er til på av ikke for med som den har de et du han",
    "fi": "ja on ei se hän että oli en mutta ole minä sen mitä tämä niin kun kuin hänen olen sinä",
    "is": "og að í á er það sem ekki ég til hann með við var um en þú af hún mér",
    "pl": "i w nie na się z do to że jest jak o a co po ja ten za od mi",
    "cs": "a se v na je že to o s z do i ale jsem jak za by co pro si",
    "sk": "a sa v na je že to o s z do aj ale som ako za by čo pre si",
    "sl": "in je v na se da ne za so s z ki to pa kot sem bi po ali tudi",
    "hr": "i je u na se da ne za su s to od što sam kao bi po ali nije li",
    "hu": "a az és hogy nem is egy ez van de csak azt meg mint ki mi volt el én ő",
    "ro": "și de la în a nu o că un pe este cu din să mai ce se am care pentru",
    "tr": "bir ve bu ne için de da o mi var çok ben ama daha gibi değil kadar sen her iyi",
    "et": "ja on ei et see ta ma oli kui mis ka aga oma mida mul selle siis pole olen nii",
    "lv": "un ir es ka ne uz ar no par bija viņš tas kas bet man vai kā viņa šo tu",
    "lt": "ir yra kad aš ne su į tai jis iš buvo kaip tu o ar bet mano ką už mes",
    "id": "yang dan di itu dengan untuk tidak dari ini saya dia dalam akan pada ada kamu ke adalah",
    "vi": "tôi không là có và của một anh được cho người trong đã cái này đó ở với như bạn",
    "ca": "el la els les de i que en un una és per amb no del al es ha va més",
    "eo": "la kaj de mi estas en ne al li ke vi tio por kun ĝi ŝi sed kiu oni pri",
    "ru": "и в не на я что он с как это по она но из у ты за так вы же",
    "uk": "і в не на я що він з як це та вона але у ти за так ви до про",
    "bg": "и в не на да се е че за от с той по това но са аз ще си как",
}

FUNCTION_WORDS = {language: frozenset(words.split()) for language, words in _LISTS.items()}
"""By the two letters of the language."""
