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

namespace local_muster;

use core\hook\navigation\primary_extend;
use core\navigation\views\view;
use moodle_url;

/**
 * Certifications in the top navigation.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class navigation {
    /**
     * Add the entry for whoever is logged in, once Muster is connected.
     *
     * @param primary_extend $hook gives the navigation
     */
    public static function extend(primary_extend $hook): void {
        if (!isloggedin() || isguestuser() || !get_config('local_muster', 'module')) {
            return;
        }
        $hook->get_primaryview()->add(
            get_string('certifications', 'local_muster'),
            new moodle_url('/local/muster/launch.php'),
            view::TYPE_CUSTOM,
            null,
            'local_muster'
        );
    }
}
