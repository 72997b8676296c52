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
 * The block: what somebody has to complete, and by when.
 *
 * @package    block_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * Shows the dates of whoever looks; they are asked for after the page is there, so that it waits for nobody.
 *
 * @package    block_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class block_muster extends block_base {
    #[\Override]
    public function init() {
        $this->title = get_string('pluginname', 'block_muster');
    }

    #[\Override]
    public function applicable_formats() {
        return ['site-index' => true, 'my' => true, 'course-view' => true];
    }

    #[\Override]
    public function get_content() {
        if ($this->content !== null) {
            return $this->content;
        }
        $this->content = (object) ['text' => '', 'footer' => ''];
        if (!isloggedin() || isguestuser() || !get_config('local_muster', 'module')) {
            return $this->content;
        }
        $place = 'block_muster_' . $this->instance->id;
        $asked = json_encode([$this->context->id, $place], JSON_HEX_TAG);
        $this->page->requires->js_amd_inline(
            "require(['core/fragment', 'core/templates'], (fragment, templates) => {
                const [context, place] = $asked;
                fragment.loadFragment('block_muster', 'due', context, {}).then((html, js) =>
                    templates.replaceNodeContents('#' + place, html, js)
                ).catch(() => document.querySelector('#' + place)?.replaceChildren());
            });"
        );
        $this->content->text = html_writer::div(
            get_string('asking', 'block_muster'),
            'text-muted',
            ['id' => $place, 'aria-live' => 'polite']
        );
        $all = new moodle_url('/local/muster/launch.php');
        $this->content->footer = html_writer::link($all, get_string('all', 'block_muster'));
        return $this->content;
    }
}
