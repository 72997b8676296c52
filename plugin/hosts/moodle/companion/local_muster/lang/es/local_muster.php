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
 * What learners see, in Spanish; administrators' texts are English.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['address'] = 'Dirección de Muster';
$string['address_help'] = 'Como en el navegador, por ejemplo https://muster.example.org';
$string['answernotsigned'] = 'Lo que responde en esta dirección no conoce el código. Compruebe ambos.';
$string['blocked'] = 'Moodle bloquea la dirección {$a}. Quítela, o el rango al que pertenece, de la lista de hosts bloqueados de cURL (Administración del sitio › General › Seguridad › Seguridad HTTP) y conecte otra vez.';
$string['cachedef_due'] = 'Lo que cada persona debe completar, según Muster';
$string['certifications'] = 'Certificaciones';
$string['checklist'] = 'Probar la conexión en Muster';
$string['code'] = 'Código de un solo uso';
$string['code_help'] = 'Muster lo muestra en Plataformas › Conectar una plataforma de aprendizaje › Moodle. Sirve una sola vez, durante una hora.';
$string['completeservice'] = 'Actualizar el servicio web de Muster';
$string['connect'] = 'Conectar';
$string['connected'] = 'Conectado con {$a}. Muster lee este sitio e inscribe en él a los participantes.';
$string['connectintro'] = 'Al conectar se crean un rol, una cuenta y un servicio web para Muster, se registra Muster como herramienta externa, se permite su dirección y todo se le entrega firmado.';
$string['connectionintro'] = 'Este sitio está conectado con {$a}. Si se conecta otra vez, se sustituyen el token y el secreto.';
$string['installed'] = 'Muster está instalado. {$a}';
$string['installednext'] = 'Conectarlo ahora';
$string['invalidaddress'] = 'Esto no es una dirección que empiece por https:// o http://.';
$string['messageprovider:certification'] = 'Certificaciones';
$string['muster:launch'] = 'Abrir Muster desde la navegación';
$string['notconnected'] = 'Muster aún no está conectado.';
$string['nottaken'] = 'Muster no aceptó la entrega: {$a}';
$string['nottakenmessage'] = 'Moodle no aceptó esta notificación.';
$string['pluginname'] = 'Muster';
$string['privacy:metadata:message'] = 'Los mensajes de Muster se envían como notificaciones.';
$string['privacy:metadata:muster'] = 'Muster sabe qué registros cambiaron y lee lo que necesita de ellos mediante servicios web.';
$string['privacy:metadata:muster:ids'] = 'Identificadores de usuarios, y de las cohortes y cursos en los que entraron o de los que salieron.';
$string['privacy:metadata:queue'] = 'Identificadores de los registros que cambiaron, hasta que Muster lo sepa.';
$string['privacy:metadata:queue:ident'] = 'Identificador del registro.';
$string['privacy:metadata:queue:timecreated'] = 'Cuándo cambió.';
$string['roledescription'] = 'Lee personas, cohortes, cursos y finalizaciones e inscribe participantes, para Muster.';
$string['rolename'] = 'Muster';
$string['send'] = 'Decir a Muster qué cambió';
$string['sendwaiting'] = 'Decir a Muster lo que aún espera';
$string['servicename'] = 'Muster';
$string['unreachable'] = 'Muster no responde en esta dirección: {$a}';
