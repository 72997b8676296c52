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
 * Texts in English.
 *
 * @package    block_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['all'] = 'All certifications';
$string['asking'] = 'Asking for your certifications…';
$string['muster:addinstance'] = 'Add a block with certifications';
$string['muster:myaddinstance'] = 'Add a block with certifications to Dashboard';
$string['nothing'] = 'You have no certifications now.';
$string['pluginname'] = 'Certifications';
$string['privacy:metadata'] = 'The block keeps nothing: it shows what Muster says.';
$string['unknown'] = 'Your certifications cannot be shown now. Try again later.';
