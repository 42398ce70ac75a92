"""Short lectures to take notes of, written for that, what belongs into their notes, and transcripts of any length of made-up words."""

from __future__ import annotations

import random
from typing import Any

PLANTS = """Good morning everyone, and welcome back. Today we will talk about photosynthesis and how plants store energy.
Photosynthesis is the process by which green plants turn light into chemical energy. It takes place in the chloroplast.
A chloroplast is a small organelle inside the plant cell. The green pigment in the chloroplast is called chlorophyll.
Chlorophyll absorbs red and blue light and reflects green light. That is why leaves look green to us.
Why does the plant need water for photosynthesis? The light reactions split water into oxygen and hydrogen.
The oxygen leaves the leaf through the stomata. Stomata are tiny pores on the surface of the leaf.
The light reactions produce ATP, which carries energy inside the cell. ATP means adenosine triphosphate.
The Calvin cycle uses ATP and carbon dioxide to make sugar. The Calvin cycle is a series of chemical reactions in the stroma.
Carbon dioxide enters the leaf through the stomata. Without carbon dioxide the Calvin cycle stops."""

CELLS = """Now let us turn to cellular respiration. Cellular respiration is the way in which cells release energy from sugar.
Respiration takes place in the mitochondria. A mitochondrion is the power plant of the cell.
Glycolysis splits sugar into two molecules of pyruvate. Glycolysis does not need oxygen.
The Krebs cycle releases carbon dioxide from pyruvate. The electron transport chain makes most of the ATP.
The electron transport chain needs oxygen as the last acceptor of electrons. What happens when there is no oxygen?
Without oxygen the cell turns to fermentation. Fermentation is a way to make ATP without oxygen.
Yeast makes alcohol by fermentation, and muscles make lactic acid. In short, respiration releases the energy of sugar."""

MARKETS = """Let us leave biology and speak of economics. A market is a place where buyers and sellers meet.
Demand tells how much buyers want at each price. Supply tells how much sellers offer at each price.
Where demand meets supply, we find the equilibrium price. Inflation is a general rise of prices over time.
Central banks raise the interest rate to fight inflation. The interest rate is the price of borrowed money.
When the interest rate rises, borrowing falls and demand cools. A tax on a good drives a wedge between supply and demand.
Sellers with no rivals have a monopoly. A monopoly is a market with one seller, and it sets its own price.
Elasticity describes how strongly demand answers to a change of price. Bread has a low elasticity, and travel has a high one."""

#: What somebody who teaches it would list as the key terms; a word of a term that is found counts for it.
KEY_TERMS = {
    PLANTS: ("photosynthesis", "chloroplast", "chlorophyll", "stomata", "Calvin cycle", "ATP", "light reactions", "carbon dioxide"),
    CELLS: ("respiration", "mitochondrion", "glycolysis", "Krebs cycle", "electron transport chain", "fermentation", "pyruvate"),
    MARKETS: ("market", "demand", "supply", "equilibrium price", "inflation", "interest rate", "monopoly", "elasticity"),
}
#: Terms that a sentence of theirs defines, and how it begins.
DEFINED = {
    "photosynthesis": "Photosynthesis is the process", "chloroplast": "A chloroplast is a small organelle", "stomata": "Stomata are tiny",
    "ATP": "ATP means", "Calvin cycle": "The Calvin cycle is a series", "cellular respiration": "Cellular respiration is the way",
    "mitochondrion": "A mitochondrion is the power plant", "fermentation": "Fermentation is a way", "market": "A market is a place",
    "inflation": "Inflation is a general rise", "interest rate": "The interest rate is the price", "monopoly": "A monopoly is a market",
    "elasticity": "Elasticity describes how",
}  # fmt: skip
#: What a model could write of PLANTS in words of its own, with the lines that bear it out.
PARAPHRASED = (
    ("Plants convert light into chemical energy by photosynthesis.", (1,)),
    ("The chloroplast is where photosynthesis happens.", (1, 2)),
    ("Chlorophyll is a green pigment found in chloroplasts.", (2,)),
    ("Leaves appear green because chlorophyll reflects green light.", (3,)),
    ("Red and blue light is absorbed, green light is not.", (3,)),
    ("Water is split into hydrogen and oxygen during the light reactions.", (4,)),
    ("Oxygen escapes from the leaf by way of the stomata.", (5,)),
    ("Stomata: small pores on a leaf's surface", (5,)),
    ("ATP stands for adenosine triphosphate and transports energy in cells.", (6,)),
    ("Sugar is produced in the Calvin cycle from carbon dioxide with the help of ATP.", (7,)),
    ("The reactions of the Calvin cycle take place in the stroma.", (7,)),
    ("If there is no carbon dioxide, the Calvin cycle comes to a halt.", (8,)),
)

GERMAN = """Heute geht es um die Photosynthese. Die Photosynthese ist ein Prozess, bei dem Pflanzen Licht in Energie umwandeln.
Der grüne Farbstoff heißt Chlorophyll. Das Chlorophyll liegt in den Chloroplasten. Chloroplasten sind kleine Organellen der Zelle.
Die Pflanze nimmt Kohlendioxid aus der Luft auf. Aus Kohlendioxid und Wasser entsteht Zucker. Der Zucker speichert die Energie."""

FRENCH = """Aujourd'hui nous parlons de la photosynthèse. La photosynthèse est un processus par lequel les plantes transforment la lumière.
Le pigment vert s'appelle la chlorophylle. La chlorophylle absorbe la lumière rouge. Les plantes prennent le dioxyde de carbone de l'air.
Le dioxyde de carbone et l'eau donnent du sucre. Le sucre garde l'énergie de la lumière."""

SPANISH = """Hoy vamos a hablar de la fotosíntesis. La fotosíntesis es un proceso por el cual las plantas convierten la luz en energía.
El pigmento verde se llama clorofila. La clorofila absorbe la luz roja. Las plantas toman dióxido de carbono del aire."""

JAPANESE = """光合成とは、植物が光エネルギーを化学エネルギーに変える過程です。光合成は葉緑体で行われます。葉緑体にはクロロフィルという
色素があります。クロロフィルは赤い光を吸収します。二酸化炭素は気孔から入ります。光合成には水と二酸化炭素が必要です。"""

CHINESE = """今天我们讲光合作用。光合作用是植物把光能转化为化学能的过程。光合作用在叶绿体中进行。叶绿体含有叶绿素。叶绿素吸收红光。
二氧化碳通过气孔进入叶片。光合作用需要水和二氧化碳。"""

HINDI = """प्रकाश संश्लेषण एक प्रक्रिया है। पौधे प्रकाश संश्लेषण से भोजन बनाते हैं। क्लोरोफिल प्रकाश को सोखता है। क्लोरोफिल हरा होता है।"""


def spoken(*texts: str, line_seconds: float = 10.0) -> list[dict[str, Any]]:
    """Return a segment for each line, one after the other."""
    lines = [line for text in texts for line in text.splitlines()]
    return [{"start": n * line_seconds, "end": (n + 1) * line_seconds - 0.5, "text": line} for n, line in enumerate(lines)]


def made_up(hours: float, seed: int = 1) -> list[dict[str, Any]]:
    """Return a transcript of made-up words, 200 a minute: a topic every nine minutes, each with sixty words of its own."""
    chance = random.Random(seed)
    sounds = [first + then for first in "bcdfglmnprst" for then in "aeiou"]
    words = ["".join(chance.choices(sounds, k=chance.randint(2, 4))) for _ in range(6000)]
    small = ["the", "a", "of", "in", "and", "to", "is", "that", "it", "we", "this", "which", "with", "for"]

    def word(topic: int) -> str:
        if chance.random() < 0.45:
            return chance.choice(small)
        if chance.random() < 0.6:
            return words[topic * 60 % 6000 + int(chance.paretovariate(1.1)) % 60]
        return words[int(chance.paretovariate(0.7)) % 6000]

    lines = int(hours * 1200)
    said = [" ".join(word(n // 180) for _ in range(chance.randint(6, 14))).capitalize() + "." for n in range(lines)]
    return [{"start": n * 3.0, "end": n * 3.0 + 2.9, "text": text} for n, text in enumerate(said)]
