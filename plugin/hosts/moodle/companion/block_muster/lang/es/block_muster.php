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
 * Texts in Spanish.
 *
 * @package    block_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['all'] = 'Todas las certificaciones';
$string['asking'] = 'Consultando sus certificaciones…';
$string['muster:addinstance'] = 'Añadir un bloque de certificaciones';
$string['muster:myaddinstance'] = 'Añadir un bloque de certificaciones al área personal';
$string['nothing'] = 'Ahora no tiene ninguna certificación.';
$string['pluginname'] = 'Certificaciones';
$string['privacy:metadata'] = 'El bloque no guarda nada: muestra lo que dice Muster.';
$string['unknown'] = 'Sus certificaciones no se pueden mostrar ahora. Inténtelo más tarde.';
