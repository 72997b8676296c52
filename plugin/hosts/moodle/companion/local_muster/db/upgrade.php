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
 * Steps from one version to the next.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * Bring the tables and the web service of an older version up to date.
 *
 * @param int $oldversion which version was there
 * @return bool
 */
function xmldb_local_muster_upgrade(int $oldversion): bool {
    global $CFG, $DB;

    if ($oldversion < 2026113000) {
        $manager = $DB->get_manager();
        $table = new xmldb_table('local_muster_sent');
        if (!$manager->table_exists($table)) {
            $manager->install_one_table_from_xmldb_file($CFG->dirroot . '/local/muster/db/install.xml', 'local_muster_sent');
        }
        // Moodle writes the new functions down after these steps: the service gets them by the next run of cron.
        \core\task\manager::queue_adhoc_task(new \local_muster\task\complete_service(), true);
        upgrade_plugin_savepoint(true, 2026113000, 'local', 'muster');
    }
    return true;
}
