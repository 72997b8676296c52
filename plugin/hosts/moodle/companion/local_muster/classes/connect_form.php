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

use moodleform;

defined('MOODLE_INTERNAL') || die();

require_once($CFG->libdir . '/formslib.php');

/**
 * The form of the connect page.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class connect_form extends moodleform {
    #[\Override]
    protected function definition() {
        $form = $this->_form;
        $form->addElement('text', 'address', get_string('address', 'local_muster'), ['size' => 50]);
        $form->setType('address', PARAM_URL);
        $form->addHelpButton('address', 'address', 'local_muster');
        $form->addRule('address', null, 'required', null, 'client');
        $form->addElement('text', 'code', get_string('code', 'local_muster'), ['size' => 30, 'autocomplete' => 'off']);
        $form->setType('code', PARAM_ALPHANUMEXT);
        $form->addHelpButton('code', 'code', 'local_muster');
        $form->addRule('code', null, 'required', null, 'client');
        $this->add_action_buttons(false, get_string('connect', 'local_muster'));
    }

    #[\Override]
    public function validation($data, $files) {
        $errors = parent::validation($data, $files);
        if (!preg_match('~^https?://[^\s/?#]+~', trim($data['address']))) {
            $errors['address'] = get_string('invalidaddress', 'local_muster');
        }
        return $errors;
    }
}
