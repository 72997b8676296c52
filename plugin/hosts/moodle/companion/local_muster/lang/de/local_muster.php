<?php
// This file is part of Moodle - https://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <https://www.gnu.org/licenses/>.

/**
 * Texts in German.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['address'] = 'Adresse von Muster';
$string['address_help'] = 'Wie im Browser, zum Beispiel https://muster.example.org';
$string['answernotsigned'] = 'Was unter dieser Adresse antwortet, kennt den Code nicht. Prüfen Sie beides.';
$string['blocked'] = 'Moodle sperrt die Adresse {$a}. Nehmen Sie sie oder den Bereich, in den sie fällt, aus der „Liste der für cURL gesperrten Hosts“ heraus (Website-Administration › Grundeinträge › Sicherheit › HTTP-Sicherheit), und verbinden Sie noch einmal.';
$string['cachedef_due'] = 'Was jemand laut Muster abzuschließen hat';
$string['certifications'] = 'Zertifizierungen';
$string['checklist'] = 'Verbindung in Muster prüfen';
$string['code'] = 'Einmalcode';
$string['code_help'] = 'Muster zeigt ihn unter Hosts › Lernplattform verbinden › Moodle. Er gilt einmal und eine Stunde lang.';
$string['completeservice'] = 'Webservice von Muster auf den neuesten Stand bringen';
$string['connect'] = 'Verbinden';
$string['connected'] = 'Verbunden mit {$a}. Muster liest diese Plattform und schreibt Lernende ein.';
$string['connectintro'] = 'Beim Verbinden entstehen eine Rolle, ein Konto und ein Webservice für Muster; Muster wird als externes Tool eingetragen, seine Adresse wird erlaubt, und alles wird signiert übergeben.';
$string['connectionintro'] = 'Diese Plattform ist mit {$a} verbunden. Wird sie noch einmal verbunden, werden Token und Schlüssel ersetzt.';
$string['installed'] = 'Muster ist installiert. {$a}';
$string['installednext'] = 'Jetzt verbinden';
$string['invalidaddress'] = 'Das ist keine Adresse, die mit https:// oder http:// beginnt.';
$string['messageprovider:certification'] = 'Zertifizierungen';
$string['muster:launch'] = 'Muster aus der Navigation öffnen';
$string['notconnected'] = 'Muster ist noch nicht verbunden.';
$string['nottaken'] = 'Muster hat die Übergabe nicht angenommen: {$a}';
$string['nottakenmessage'] = 'Moodle hat diese Mitteilung nicht angenommen.';
$string['pluginname'] = 'Muster';
$string['privacy:metadata:message'] = 'Mitteilungen von Muster werden als Systemmitteilungen versendet.';
$string['privacy:metadata:muster'] = 'Muster erfährt, welche Datensätze sich geändert haben, und liest das Nötige über Webservices.';
$string['privacy:metadata:muster:ids'] = 'IDs von Personen sowie von globalen Gruppen und Kursen, in die sie gekommen oder aus denen sie gegangen sind.';
$string['privacy:metadata:queue'] = 'IDs geänderter Datensätze, bis Muster davon weiß.';
$string['privacy:metadata:queue:ident'] = 'ID des Datensatzes.';
$string['privacy:metadata:queue:timecreated'] = 'Wann er sich geändert hat.';
$string['roledescription'] = 'Liest für Muster Personen, globale Gruppen, Kurse und Abschlüsse und schreibt Lernende ein.';
$string['rolename'] = 'Muster';
$string['send'] = 'Muster mitteilen, was sich geändert hat';
$string['sendwaiting'] = 'Muster mitteilen, was noch wartet';
$string['servicename'] = 'Muster';
$string['unreachable'] = 'Unter dieser Adresse antwortet Muster nicht: {$a}';
