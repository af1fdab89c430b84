"""Invented people: given and family names from many places, put together by chance within their culture."""

import random

_CULTURES: tuple[tuple[str, str], ...] = (
    ("Aino Eero Helmi Onni Sofia Veikko", "Halonen Koskela Niemi Rantala Salo Virtala"),
    ("Ada Chidi Ifeoma Ngozi Tobenna Uche", "Adeyinka Ezenwa Nwachi Obiora Okwudili Umeh"),
    ("Aarav Diya Ishaan Kavya Meera Rohan", "Bhatnagar Chaudhuri Iyengar Menon Raghavan Sethi"),
    ("Amira Farid Hala Karim Nour Yasmin", "Al-Sabbagh Barakat Darwish Haddad Mansour Zayat"),
    ("Beatriz Duarte Inês Joana Rui Tomás", "Azevedo Carvalhal Figueira Lousada Pacheco Seabra"),
    ("Camila Diego Lucía Mateo Rocío Tadeo", "Arizmendi Cañizares Echeverri Lozada Quiroga Villaseca"),
    ("Chen Fang Hui Jie Lan Wei", "Bai Guo Kong Liang Shen Xu"),
    ("Daichi Emi Haruka Kenta Naoko Sora", "Arakawa Fujimori Hoshino Kitagawa Minami Tsukuda"),
    ("Dilara Emre Leyla Onur Selin Tarık", "Akyol Bozkurt Çelikel Erdemli Karaca Yalın"),
    ("Elif Goran Jelena Luka Mirna Vuk", "Bogdanić Horvatin Jurak Lončar Petrovac Zorić"),
    ("Emma Finn Greta Jonas Lotte Malte", "Brandhorst Eichler Kühnert Lindner Osterkamp Wiesner"),
    ("Agnès Bastien Chloé Hugo Margaux Théo", "Aubrac Belcourt Delmas Fontanel Marchais Rouvière"),
    ("Bronwen Callum Isla Niamh Rhys Saoirse", "Ashdown Brennock Galbraith Kerrigan Penhale Tregarth"),
    ("Amadou Awa Fatou Ibrahima Mariama Ousmane", "Cissokho Diagne Faye Kanouté Sarr Traoré"),
    ("Anh Duc Linh Minh Quyen Thao", "Dang Ho Luong Ngo Phung Trinh"),
    ("Daria Kacper Maja Oskar Wanda Zofia", "Borowicz Grabiec Kalinka Majchrzak Sobol Wilczek"),
    ("Alessia Dario Fiamma Lorenzo Noemi Tullio", "Bellandi Carraro Fabbrini Morosini Salvetti Zanella"),
    ("Andreea Horia Ioana Mircea Rareș Sorina", "Albuleț Cernea Dobrin Lupescu Munteanu Țiriac"),
    ("Hana Jisoo Minjun Seoyeon Taeyang Yuna", "Baek Hwang Jang Moon Noh Seo"),
    ("Aroha Hemi Kiri Manaia Tama Whetu", "Henare Kereama Ngata Parata Rangi Tautahi"),
)


def invent(rng: random.Random, count: int) -> list[str]:
    """`count` different names, at most 700."""
    pool = [
        f"{given} {family}"
        for givens, families in _CULTURES
        for given in givens.split()
        for family in families.split()
    ]
    return rng.sample(pool, count)
