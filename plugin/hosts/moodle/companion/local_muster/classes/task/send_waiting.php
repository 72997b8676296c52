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

namespace local_muster\task;

use core\task\scheduled_task;

/**
 * Every minute, has sent what still waits: what Muster did not take, and what was noted while the last sending ended.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class send_waiting extends scheduled_task {
    #[\Override]
    public function get_name() {
        return get_string('sendwaiting', 'local_muster');
    }

    #[\Override]
    public function execute() {
        global $DB;

        if ($DB->record_exists('local_muster_queue', [])) {
            send::queue();
        }
    }
}
