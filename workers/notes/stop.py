"""Words that carry no meaning of their own, by language; what stands before a noun; what is left when nothing is known of a language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

STOP = {
    "en": """a about above actually after again against all almost already also although always am an and another any anybody anyone
        anything are aren't around as ask at away back basically be because become becomes been before being below between both but by
        call called came can can't cannot come comes could couldn't did didn't do does doesn't doing don't done down during each either
        else enough etc even ever every everybody everyone everything example few find first for from further gave get gets getting give
        given gives go goes going gonna gone good got great guess had happen happened happening happens has hasn't have haven't having he
        hello her here hers herself hi him himself his how however i i'd i'll i'm i've if in indeed instead into is isn't it it's its
        itself just keep kind knew know known knows last later least less let let's like likely little look looked looking looks lot lots
        made make makes making many maybe me mean means might mine more most mostly much must my myself name need never new next no nobody
        none nor not nothing now of off often oh ok okay old on once one ones only onto or other others otherwise ought our ours ourselves
        out over own part people perhaps please pretty put quite rather read really remember right said same saw say saying says see seem
        seems seen several shall she should shouldn't show shows simply since so some somebody someone something sometimes sort still
        stuff such sure take taken takes taking talk talked talking tell than thank thanks that that's the their theirs them themselves
        then there there's therefore these they they're thing things think third this those though through thus times to today together
        too took toward towards tried true try trying turn turns two um under until up upon us use used uses using usually uh very want
        wanted wants was wasn't way ways we we'd we'll we're we've welcome well went were weren't what what's whatever when where whether
        which while who whole whom whose why will with within without won't would wouldn't yeah year yes yet you you'd you'll you're
        you've your yours yourself three four five six seven eight nine ten hundred thousand morning week lecture lesson page question
        answer important""",
    "de": """ab aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes auch auf aus bei beim
        beispiel bin bis bist bisschen bitte da dabei dadurch dafür dagegen daher dahin damit danach daneben dann daran darauf daraus darf
        darin darüber darum das dass davon davor dazu dein deine dem den denen denn der deren des dessen deshalb dich die dies diese
        diesem diesen dieser dieses dir doch dort du durch eben eigentlich ein eine einem einen einer eines einfach einige einigen einmal
        er es etwa etwas euch euer für ganz gar geben gegen gehen geht gemacht genau gerade gesagt gesehen gewesen gibt ging gleich gut
        habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in ins ist ja jede jedem jeden
        jeder jedes jedoch jene jetzt kann kannst kein keine keinem keinen keiner klar kommen kommt können könnte lassen machen macht mal
        man mehr mein meine meinem meinen meiner mich mir mit muss müssen nach natürlich neben nein nicht nichts nie noch nun nur ob oder
        oft ohne okay recht sage sagen sagt sagte schon sehen sehr sei sein seine seinem seinen seiner seit sich sie sieht sind so sogar
        solche soll sollen sollte somit sondern sonst sowie über überhaupt um und uns unser unsere unter viel viele vielleicht vom von vor
        war waren warum was wegen weil weiter welche welchem welchen welcher welches wenig wenn wer werde werden wie wieder will wir wird
        wirklich wissen wo wollen worden wurde wurden würde zu zum zur zwar zwei zwischen drei heute nämlich eher bereits nennt heißt""",
    "fr": """à afin ai ainsi alors après as assez au aucun aucune aujourd'hui auquel aussi autre autres aux avait avant avec avez avoir
        avons beaucoup bien bon bonjour c'est car ce ceci cela celle celles celui cependant ces cet cette ceux chaque chez chose choses
        comme comment d'accord d'un d'une dans de déjà depuis des deux dire dit dites doit donc dont du elle elles en encore enfin entre
        est et étaient était étant été être eu eux exemple fait faire faut fois font il ils j'ai jamais je jusque l'on la laquelle le
        lequel les lesquels leur leurs lors lorsque lui ma maintenant mais mal même mêmes mes moi moins mon n'est ne ni non nos notre nous
        on ont ou où par parce parfois pas pendant peu peut peuvent plus plusieurs plutôt pour pourquoi pouvez premier première puis
        qu'est qu'il qu'on quand que quel quelle quelles quelque quelques quels qui quoi rien sa sans se sera ses seulement si soit son
        sont sous souvent suis sur sûr ta tandis te tel telle tes toi ton toujours tous tout toute toutes très trop trois tu un une va
        vais vers voici voilà voir vos votre vous vont vraiment y s'il s'agit oui euh bah ben appelle appelé petit grand""",
    "es": """a acá además ahí ahora al algo alguien algún alguna algunas alguno algunos allí ante antes aquel aquella aquello aquí así aun
        aunque bajo bien bueno cada casi como cómo con contra cosa cosas creo cual cuál cuales cualquier cuando cuándo cuanto de decir
        dedo del dentro desde después dice dicho donde dónde dos durante e ejemplo el él ella ellas ello ellos en entonces entre era eran
        eres es esa esas ese eso esos esta está están estar estas este esto estos estoy etcétera fue fueron gracias ha había hace hacen
        hacer hacia han hasta hay he hemos hola hoy igual incluso ir la las le les lo los luego más mayor me mejor menos mi mientras mis
        mismo mucha muchas mucho muchos muy nada ni ningún no nos nosotros nuestra nuestro o os otra otras otro otros para parte pero poco
        podemos poder por porque posible primer primero pues puede pueden que qué quien quién quiere se sea según ser será si sí sido
        siempre sin sino sobre solo sólo son su sus tal también tampoco tan tanto te tenemos tener tiene tienen toda todas todavía todo
        todos tres tu tú tus u un una unas uno unos usted ustedes va vamos van ver vez voy y ya yo llama llamado""",
    "it": """a abbiamo ad adesso agli ai al alcune alcuni all' alla alle allo allora altra altre altri altro anche ancora anzi appunto
        avere aveva bene c'è che chi ci ciò cioè come con contro cosa cose così cui da dagli dai dal dalla dalle dallo degli dei del della
        delle dello dentro di dice dire dobbiamo dopo dove due dunque durante e è ecco ed era erano esempio essere fa fare fatto fino
        forse fra già gli ha hanno ho i il in infatti insieme invece io l'altro la le lei li lo loro lui ma mai me meno mentre mi mia mio
        molta molte molti molto nei nel nella nelle nello niente noi non nostra nostro nulla o ogni oggi oltre oppure ora parte per perché
        però più po' poco poi possiamo possono prima primo proprio può pure qua qual quale quali qualche qualcosa quando quanto quasi
        quella quelle quelli quello questa queste questi questo qui quindi se sé sempre senza si sì sia siamo solo sono sopra sta stata
        stato stesso su sua subito sugli sui sul sulla suo tale tanto te ti tra tre troppo tu tutta tutte tutti tutto un una uno va vedere
        vi viene voi volta vuol chiama chiamato""",
    "pt": """a à ainda além algo alguém algum alguma algumas alguns ali antes ao aos apenas aquela aquele aquilo aqui as às assim até bem
        bom cada coisa coisas com como contra da dá dai daí das de dela dele deles depois desde dessa desse desta deste disso diz dizer do
        dois dos durante e é ela elas ele eles em então entre era eram essa essas esse esses esta está estamos estão estar estas este
        estes eu exemplo falar faz fazer foi for foram gente há hoje isso isto já lá lhe logo maior mais mas me mesma mesmo meu minha
        muita muitas muito muitos na nada não nas nem nenhum nessa nesse nesta neste no nos nós nossa nosso num numa nunca o obrigado onde
        os ou outra outras outro outros para parte pela pelas pelo pelos pode podem podemos pois por porque portanto pouco primeiro qual
        quais qualquer quando quanto quase que quê quem quer são se seja sem sempre sendo ser será seu seus si sim só sobre sua suas
        também tão tem têm temos ter teve todas todo todos toda três tu tudo um uma umas uns vai vamos ver vez você vocês vou chama
        chamado""",
    "nl": """aan aangezien achter af al alle alleen alles als altijd ander andere anders ben bent bij bijvoorbeeld binnen bijna daar
        daarna daarom dan dat de deze die dingen dit doen doet door dus echt een eens eerst eerste eigenlijk elk elke en enkele er erg
        ergens even gaan gaat ge geen gewoon goed had hadden heb hebben hebt heeft heel heet hem het hier hij hoe hun ik in is ja je jij
        jou jouw jullie kan keer kijken komen komt kon kunnen kunt laat laten maakt maar maken manier me mee meer meest men met mijn
        misschien moet moeten mogen na naar natuurlijk nee net niet niets nog nooit nou nu of ofwel om omdat onder ons onze ook op over
        paar per precies samen soms steeds tegen terug toch toen tot tussen twee u uit uw van vaak vanaf vanuit veel verder via volgende
        voor waar waarom waren was wat we wel welke werd werden wij wil willen worden wordt zal ze zeg zeggen zegt zei zeker zelf zich zie
        zien zij zijn zo zoals zonder zou zouden noemen genoemd drie hallo""",
    "sv": """alla allt alltid alltså att av bara blev bli blir bra då de dem den denna deras dess dessa det detta dig din du där efter
        eller en ett exempel fick finns fram från får för först före gör göra ha hade han har hela henne hennes hit hon honom hur här i
        igen ihop in ingen inget inte ja jag ju kan kanske kommer kunde lite man med mellan men mer min mot mycket måste nej ni nog nu
        någon något några när nästa och också om oss på samma sedan sen ska skulle själv sig sin säga säger så sådan tack till två ungefär
        upp ut utan vad var vara varför varit vem vi vid vilka vilken vilket vill är än ännu över kallas heter""",
    "pl": """a aby ale albo am ani bardzo bez bo być był była było były będzie co coś czy czyli czym dla do dobra dobrze dwa gdy gdzie go
        i ich ile im inne innych ja jak jako jakie jakiś jednak jego jej jest jestem jeszcze jeśli jeżeli już każdy kiedy kto która które
        którego której który których którym którzy lub ma mamy mają mi mnie może można możemy musi my na nad nam nas nasz nawet nazywa
        nazywamy nic nich nie nim niż no o od on ona one oni ono oraz po pod ponieważ potem poza przed przede przez przy przykład się są
        tak także tam te tego tej ten teraz też to tu tutaj tych tylko tym tys u w was we wszystkie wszystko więc z za zawsze ze że
        żeby""",
    "ru": """а без более больше будет будут бы был была были было быть в вам вас вообще вот все всё всегда всего всех вы где говорить да
        даже два для до друг другой его ее её если есть еще ещё же за значит и из или им их к как какая какой когда которая которого
        которое которой которые который которых кто ли лишь либо меня мне много может можно мой мы на над надо нам нами нас наш не него
        нее неё нет ни нибудь них но ну о об один однако он она они оно от очень перед по под после потому потом почему поэтому при пример
        про просто раз с сам свой свою себе себя сейчас сегодня со собой соответственно так такая также такие такое такой там тем теперь
        то тогда того тоже той только том тот три тут ты у уже хорошо хотя чего чем через что чтобы чуть эта эти это этого этой этом этот
        этих является называется""",
    "tr": """acaba ama aslında az bana bazı belki ben benim beri bile bir biraz birçok biri birkaç biz bize bizim böyle bu buna bunda
        bundan bunlar bunu bunun burada çok çünkü da daha de değil demek diğer diye dolayı en evet fakat gibi göre hangi hani hatta hem
        hep hepsi her hiç için içinde iki ile ilgili ise işte kadar karşı kendi ki kim mı mi mu mü nasıl ne neden nerede niye o olan
        olarak oldu olduğu olduğunu olması olur on ona ondan onlar onun orada oysa öyle pek rağmen sadece sanki sen siz sonra şey şeyler
        şimdi şöyle şu tabii tüm üzere var ve veya ya yani yapmak yine yok zaten denir""",
}

#: What stands before a noun more often than before a verb. A word that is never said after one of these is hardly a key term.
BEFORE_NOUNS = {
    "en": "a an the this that these those of in on by for from with into between about each every some any no its their our your his her",
    "de": """der die das den dem des ein eine einen einem einer eines diese dieser dieses diesen diesem im am zum zur vom beim von mit für
        jede""",
    "fr": "le la les un une des du de d'un d'une ce cet cette ces au aux en par dans sur chaque leur leurs son sa ses notre nos",
    "es": "el la los las un una unos unas del de al este esta estos estas ese esa en por con cada su sus nuestro nuestra",
    "it": "il lo la i gli le un uno una del dello della dei degli delle al alla nel nella di da in con ogni questo questa questi queste",
    "pt": "o a os as um uma uns umas do da dos das de no na nos nas ao à este esta esse essa pelo pela em com cada",
    "nl": "de het een deze die dit van in op door met voor elke elk",
    "sv": "en ett den det de denna detta dessa av i på med varje",
}

CHINESE_PARTICLES = frozenset("的了是在和我你他她它们这那有不就也都一个把被吗呢吧着很会要能可以说什么与及或对为之")

ENOUGH_TO_TELL = 0.12  #: of the words, for a language to be known by its stop words

ENOUGH_OF_A_SCRIPT = 0.3  #: of the words
SCRIPTS = {"ja": re.compile("[\u3041-\u309f]"), "zh": re.compile("[\u4e00-\u9fff]")}  #: in this order: Japanese has both


@cache
def stop_words(language: str) -> frozenset[str]:
    return frozenset(STOP.get(language, "").split())


@cache
def before_nouns(language: str) -> frozenset[str]:
    return frozenset(BEFORE_NOUNS.get(language, "").split())


def guess(words: Iterable[str]) -> str:
    """Return the language whose stop words are the most of `words` (lower case), "" when none is known by them or by its script."""
    counts = Counter(words)
    for language, script in SCRIPTS.items():
        if sum(count for word, count in counts.items() if script.search(word)) >= ENOUGH_OF_A_SCRIPT * max(1, counts.total()):
            return language
    shares = {language: sum(counts[word] for word in stop_words(language)) for language in STOP}
    best = max(shares, key=lambda language: (shares[language], language))
    return best if shares[best] >= ENOUGH_TO_TELL * max(1, counts.total()) else ""
