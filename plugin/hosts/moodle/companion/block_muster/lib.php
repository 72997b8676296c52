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
 * What is loaded into the block.
 *
 * @package    block_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * The dates of whoever asks.
 *
 * @param array $args of the fragment; nothing in them is used: everybody sees her own
 * @return string HTML
 */
function block_muster_output_fragment_due(array $args): string {
    global $OUTPUT, $USER;

    if (!isloggedin() || isguestuser()) {
        return '';
    }
    \core\session\manager::write_close(); // Her other pages do not wait for Muster.
    $found = \local_muster\due::of((int) $USER->id, current_language());
    $rows = [];
    foreach ($found ?? [] as $one) {
        $rows[] = [
            'name' => (string) ($one['name'] ?? ''),
            'words' => (string) ($one['words'] ?? ''),
            'late' => !empty($one['late']),
            'when' => (string) ($one['when'] ?? ''),
        ];
    }
    return $OUTPUT->render_from_template('block_muster/due', [
        'rows' => $rows,
        'nothing' => $found === [],
        'unknown' => $found === null,
        'address' => (new moodle_url('/local/muster/launch.php'))->out(false),
    ]);
}
