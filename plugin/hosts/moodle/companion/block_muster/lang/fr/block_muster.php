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
 * Texts in French.
 *
 * @package    block_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['all'] = 'Toutes les certifications';
$string['asking'] = 'Recherche de vos certifications…';
$string['muster:addinstance'] = 'Ajouter un bloc des certifications';
$string['muster:myaddinstance'] = 'Ajouter un bloc des certifications au tableau de bord';
$string['nothing'] = 'Vous n’avez aucune certification actuellement.';
$string['pluginname'] = 'Certifications';
$string['privacy:metadata'] = 'Le bloc n’enregistre rien : il montre ce que dit Muster.';
$string['unknown'] = 'Vos certifications ne peuvent pas être affichées maintenant. Réessayez plus tard.';
