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
 * What follows the tables.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * Lead whoever installs it through Moodle's pages on to the page that connects it. Moodle shows this below what it installed.
 *
 * @return bool
 */
function xmldb_local_muster_install(): bool {
    if (!CLI_SCRIPT) {
        $next = html_writer::link(
            new moodle_url('/local/muster/connect.php'),
            get_string('installednext', 'local_muster')
        );
        \core\notification::success(get_string('installed', 'local_muster', $next));
    }
    return true;
}
