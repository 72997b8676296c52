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
 * One page: the address of Muster and its one-time code.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

require_once(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/adminlib.php');

admin_externalpage_setup('local_muster');

$form = new \local_muster\connect_form();
$form->set_data(['address' => get_config('local_muster', 'address') ?: '']);
$problem = '';
if ($data = $form->get_data()) {
    try {
        \local_muster\connector::connect(trim($data->address), trim($data->code));
        redirect(
            new moodle_url('/local/muster/connect.php'),
            get_string('connected', 'local_muster', s(trim($data->address))),
            null,
            \core\output\notification::NOTIFY_SUCCESS
        );
    } catch (\moodle_exception $exception) {
        $problem = $exception->getMessage();
    }
}

echo $OUTPUT->header();
echo $OUTPUT->heading(get_string('pluginname', 'local_muster'));
if ($problem !== '') {
    echo $OUTPUT->notification(s($problem), \core\output\notification::NOTIFY_ERROR);
}
if ($address = get_config('local_muster', 'address')) {
    echo html_writer::tag('p', get_string('connectionintro', 'local_muster', s($address)));
    if ($checklist = get_config('local_muster', 'checklist')) {
        $label = get_string('checklist', 'local_muster');
        echo html_writer::tag('p', html_writer::link(new moodle_url($checklist), $label, ['class' => 'btn btn-primary']));
    }
}
echo html_writer::tag('p', get_string('connectintro', 'local_muster'));
$form->display();
echo $OUTPUT->footer();
