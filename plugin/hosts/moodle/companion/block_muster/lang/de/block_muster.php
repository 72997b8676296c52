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
 * @package    block_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['all'] = 'Alle Zertifizierungen';
$string['asking'] = 'Ihre Zertifizierungen werden abgefragt …';
$string['muster:addinstance'] = 'Block mit Zertifizierungen hinzufügen';
$string['muster:myaddinstance'] = 'Block mit Zertifizierungen zum Dashboard hinzufügen';
$string['nothing'] = 'Sie haben derzeit keine Zertifizierungen.';
$string['pluginname'] = 'Zertifizierungen';
$string['privacy:metadata'] = 'Der Block speichert nichts: Er zeigt, was Muster mitteilt.';
$string['unknown'] = 'Ihre Zertifizierungen können gerade nicht angezeigt werden. Versuchen Sie es später noch einmal.';
