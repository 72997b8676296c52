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
 * What learners see, in French; administrators' texts are English.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$string['address'] = 'Adresse de Muster';
$string['address_help'] = 'Comme dans le navigateur, par exemple https://muster.example.org';
$string['answernotsigned'] = 'Ce qui répond à cette adresse ne connaît pas le code. Vérifiez les deux.';
$string['blocked'] = 'Moodle bloque l’adresse {$a}. Retirez-la, ou la plage dont elle relève, de la liste des hôtes bloqués par cURL (Administration du site › Général › Sécurité › Sécurité HTTP), puis connectez à nouveau.';
$string['cachedef_due'] = 'Ce que chacun doit achever, d’après Muster';
$string['certifications'] = 'Certifications';
$string['checklist'] = 'Tester la connexion dans Muster';
$string['code'] = 'Code à usage unique';
$string['code_help'] = 'Muster l’affiche sous Plateformes d’apprentissage › Connecter une plateforme d’apprentissage › Moodle. Il sert une seule fois, pendant une heure.';
$string['completeservice'] = 'Mettre à jour le service web de Muster';
$string['connect'] = 'Connecter';
$string['connected'] = 'Connecté à {$a}. Muster lit ce site et y inscrit les apprenants.';
$string['connectintro'] = 'La connexion crée un rôle, un compte et un service web pour Muster, déclare Muster comme outil externe, autorise son adresse et transmet le tout, signé.';
$string['connectionintro'] = 'Ce site est connecté à {$a}. Une nouvelle connexion remplace le jeton et le secret.';
$string['installed'] = 'Muster est installé. {$a}';
$string['installednext'] = 'Le connecter maintenant';
$string['invalidaddress'] = 'Ce n’est pas une adresse commençant par https:// ou http://.';
$string['messageprovider:certification'] = 'Certifications';
$string['muster:launch'] = 'Ouvrir Muster depuis la navigation';
$string['notconnected'] = 'Muster n’est pas encore connecté.';
$string['nottaken'] = 'Muster n’a pas accepté la transmission : {$a}';
$string['nottakenmessage'] = 'Moodle n’a pas accepté cette notification.';
$string['pluginname'] = 'Muster';
$string['privacy:metadata:message'] = 'Les messages de Muster sont envoyés comme notifications.';
$string['privacy:metadata:muster'] = 'Muster apprend quels enregistrements ont changé et lit ce qu’il lui faut par des services web.';
$string['privacy:metadata:muster:ids'] = 'Identifiants d’utilisateurs, et de cohortes et de cours où ils sont entrés ou qu’ils ont quittés.';
$string['privacy:metadata:queue'] = 'Identifiants des enregistrements modifiés, jusqu’à ce que Muster en soit informé.';
$string['privacy:metadata:queue:ident'] = 'Identifiant de l’enregistrement.';
$string['privacy:metadata:queue:timecreated'] = 'Moment de la modification.';
$string['roledescription'] = 'Lit les personnes, cohortes, cours et achèvements et inscrit les apprenants, pour Muster.';
$string['rolename'] = 'Muster';
$string['send'] = 'Dire à Muster ce qui a changé';
$string['sendwaiting'] = 'Dire à Muster ce qui attend encore';
$string['servicename'] = 'Muster';
$string['unreachable'] = 'Muster ne répond pas à cette adresse : {$a}';
