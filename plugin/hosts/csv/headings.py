"""Headings as HR systems write them, in English, German, French and Spanish."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l"})

SYNONYMS: dict[str, str] = {
    "id": "id;person id;personid;employee id;employee no;employee number;emp id;emp no;empid;staff id;staff no;staff number;"
          "worker id;payroll number;payroll id;personnel number;personalnummer;personal nr;persnr;pers nr;personal id;"
          "mitarbeiternummer;mitarbeiter nr;mitarbeiter id;ma nr;matricule;numero matricule;identifiant;numero employe;"
          "id employe;numero de empleado;id empleado;num empleado;legajo;codigo empleado;n empleado",
    "first_name": "first name;firstname;given name;givenname;forename;vorname;rufname;prenom;nombre;nombres;nombre de pila",
    "last_name": "last name;lastname;surname;family name;familyname;nachname;familienname;zuname;nom;nom de famille;apellido;"
                 "apellidos",
    "name": "name;full name;fullname;display name;displayname;vollstandiger name;nom complet;nombre completo",
    "email": "email;e mail;email address;e mail address;mail;work email;business email;e mail adresse;emailadresse;mailadresse;"
             "courriel;adresse email;adresse e mail;adresse electronique;correo;correo electronico;email professionnel",
    "organisation": "organisation;organization;org;org unit;orgunit;organisational unit;organizational unit;department;dept;"
                    "division;unit;business unit;abteilung;organisationseinheit;oe;bereich;kostenstelle bezeichnung;service;"
                    "departement;direction;unite;unite organisationnelle;departamento;area;unidad;unidad organizativa;division",
    "position": "position;job title;jobtitle;title;role;job role;function;stelle;planstelle;funktion;stellenbezeichnung;"
                "berufsbezeichnung;tatigkeit;poste;fonction;intitule du poste;intitule de poste;puesto;cargo;funcion;"
                "titulo del puesto",
    "manager": "manager;manager id;managerid;manager no;manager number;supervisor;supervisor id;line manager;line manager id;"
               "reports to;boss;vorgesetzter;vorgesetzte;vorgesetzten nr;vorgesetztennummer;personalnummer vorgesetzter;"
               "fuhrungskraft;fuhrungskraft id;fuhrungskraft nr;responsable;responsable id;superieur;superieur hierarchique;"
               "matricule manager;matricule responsable;jefe;jefe id;gerente;supervisor directo;id jefe;id responsable",
    "active": "active;is active;status;employment status;aktiv;beschaftigungsstatus;mitarbeiterstatus;actif;statut;activo;"
              "estado",
    "start": "start;start date;startdate;hire date;hiredate;hired;date of hire;joined;entry date;eintritt;eintrittsdatum;"
             "beginn;gultig ab;von;date d entree;date d embauche;date entree;debut;date de debut;fecha de inicio;"
             "fecha inicio;fecha de ingreso;fecha de alta;inicio",
    "end": "end;end date;enddate;termination date;leave date;leaving date;last day;exit date;austritt;austrittsdatum;ende;"
           "gultig bis;bis;date de sortie;date de depart;date de fin;date fin;fin;fecha de fin;fecha fin;fecha de baja;"
           "fecha de salida;baja",
    "position_since": "position since;position start;position start date;in position since;role since;stelle seit;"
                      "position seit;funktion seit;in position seit;poste depuis;date de poste;dans le poste depuis;"
                      "en el puesto desde;puesto desde",
    "job": "job;job id;jobid;assignment;assignment id;assignment number;job number;contract;contract id;vertrag;"
           "vertragsnummer;beschaftigung;contrat;numero de contrat;affectation;contrato;numero de contrato",
    "action": "action;aktion;accion",
    "generated": "generated;generated at;generated on;export date;exported;exported at;erstellt am;exportdatum;erzeugt am;"
                 "date d export;fecha de exportacion",
    "parent": "parent;parent id;parentid;parent unit;ubergeordnet;ubergeordnete einheit;ubergeordnete oe;eltern;"
              "ubergeordnete id;parent code;unite mere;id parent;superior;unidad superior;padre;id padre",
    "code": "code;kurzel;kurzbezeichnung;abbreviation;short name;codigo;sigle",
    "audience": "audience;group;group id;audience id;zielgruppe;gruppe;groupe;audiencia;grupo",
    "person": "person;person id;member;member id;mitglied;employee;employee id;personalnummer;mitarbeiter;membre;personne;"
              "matricule;miembro;persona;empleado",
}  # fmt: skip
"""By our name of a column what others call it, besides our own."""
OF_KIND: dict[str, tuple[str, ...]] = {
    "people": (
        "id", "first_name", "last_name", "name", "email", "organisation", "position", "manager", "active", "start", "end",
        "position_since", "job", "action", "generated",
    ),
    "organisations": ("id", "name", "parent", "code", "action", "generated"),
    "positions": ("id", "name", "parent", "code", "action", "generated"),
    "audiences": ("audience", "name", "person", "action", "generated"),
}  # fmt: skip
OF_PEOPLE = frozenset(OF_KIND["people"]).difference(*(OF_KIND[kind] for kind in OF_KIND if kind != "people"))
"""Columns that files of people alone may have."""
NEEDED = {"people": ("id",), "organisations": ("id",), "positions": ("id",), "audiences": ("audience", "person")}
_MORE = {
    "organisations": {"id": "organisation;org id;organisation id;orgid;oe nummer;unit id;department id;einheit id",
                      "name": "bezeichnung;nom;nombre;libelle;descripcion;title;organisation name"},
    "positions": {"id": "position;position id;stellennummer;planstellennummer;code poste",
                  "name": "bezeichnung;nom;nombre;libelle;title;job title"},
    "audiences": {"name": "audience name;group name;gruppenname;nom;nombre;bezeichnung"},
}  # fmt: skip


@lru_cache(maxsize=4096)
def folded(heading: str) -> str:
    """A heading without case, accents and marks: ``Personal-Nr.`` becomes ``personal nr``."""
    text = unicodedata.normalize("NFKD", heading.casefold().translate(_PLAIN))
    plain = "".join(letter for letter in text if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9\u0080-\uffff]+", " ", plain).strip()


def known_headings(kind: str) -> dict[str, str]:
    """By folded heading our name of the column, for one kind of file; our own names win."""
    found: dict[str, str] = {}
    for ours in OF_KIND[kind]:
        found[folded(ours)] = ours
    for ours in OF_KIND[kind]:
        words = SYNONYMS.get(ours, "") if not (ours == "name" and kind != "people") else "name"
        if ours == "id" and kind != "people":
            words = ""
        for word in f"{words};{_MORE.get(kind, {}).get(ours, '')}".split(";"):
            if word:
                found.setdefault(word, ours)
                found.setdefault(word.replace(" ", ""), ours)
    return found
